// The page of runs: the newest opens, and is followed while it goes on.

import {fetchRun, fetchRuns, Refused, useKey} from './api.js';
import {drawChart, meanAt} from './chart.js';
import {$, make, plain} from './dom.js';
import {differences, number, unsure} from './words.js';

const LIVE_MS = 2000;
const IDLE_MS = 10000;
const MAX_RUNS = 3;

let names = []; // of the runs that are drawn, the first is told of
let runs = []; // what was fetched of them
let list = [];
let moment = null; // the step that the slider is at; null: the newest
let goneText = ''; // of a run that was deleted while it was shown
let timer = 0;

async function refresh() {
  clearTimeout(timer);
  try {
    list = await fetchRuns();
    const there = names.filter((name) => list.some((run) => run.name === name));
    const gone = names[0] !== undefined && there[0] !== names[0];
    if (gone) goneText = plain(`The folder of ${names[0]} is not there any more.`);
    $('problem').textContent = goneText;
    names = there.length ? there : list.slice(0, 1).map(({name}) => name);
    if (gone) moment = null;
    const fetched = await Promise.all(names.map(fetchRun));
    drawList();
    if (fetched.length !== runs.length || fetched.some((run, index) => run !== runs[index])) {
      runs = fetched;
      drawRuns();
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(error);
  } finally {
    const isLive = runs.some(({state}) => state === 'running');
    if (!document.hidden && !$('key').open) timer = setTimeout(refresh, isLive ? LIVE_MS : IDLE_MS);
  }
}

function tell({status, message, code}) {
  if (status === 401) return askForKey(code);
  const gone = 'The server does not answer. Is lumina still running?';
  $('problem').textContent = status === 0 ? gone : message;
}

function askForKey(code) {
  if (code === 'invalid_room_code') $('key-label').textContent = 'Room code';
  $('key-input').value = '';
  $('key').onclose = () => {
    useKey($('key-input').value.trim());
    refresh();
  };
  $('key').showModal();
}

// Drawing

function drawList() {
  const label = ({name, state}) => `${name.replace(/\.run$/, '')}${state === 'running' ? ' (goes on)' : ''}`;
  const texts = list.map(label).join('\n');
  if ($('run').dataset.texts !== texts) {
    $('run').dataset.texts = texts;
    $('run').replaceChildren(...list.map((run) => make('option', {value: run.name, text: label(run)})));
    drawOthers();
  }
  $('run').value = names[0] ?? '';
  $('compare').hidden = list.length < 2;
  if (!list.length) $('state').textContent = 'There is no run in this folder yet. Begin one with: lumina train';
  $('shown').hidden = !list.length;
}

function drawOthers() {
  $('others').replaceChildren(...list.filter(({name}) => name !== names[0]).map(({name}) => {
    const box = make('input', {type: 'checkbox', value: name, checked: names.includes(name)});
    box.onchange = choose;
    return make('li', {}, make('label', {className: 'check'}, box, name.replace(/\.run$/, '')));
  }));
  limitOthers();
}

function limitOthers() {
  for (const box of $('others').querySelectorAll('input')) box.disabled = !box.checked && names.length >= MAX_RUNS;
}

function choose() {
  const others = [...$('others').querySelectorAll(':checked')].map(({value}) => value);
  names = [$('run').value, ...others.filter((name) => name !== $('run').value)].slice(0, MAX_RUNS);
  limitOthers();
  refresh();
}

function drawRuns() {
  const [run] = runs;
  if (!run) return;
  document.title = plain(`${run.name} · lumina`);
  $('state').textContent = run.state_text;
  $('progress').hidden = run.state !== 'running';
  $('progress').value = run.progress ?? 0;
  $('words').replaceChildren(...run.words.map((text) => make('li', {text})));
  $('events').replaceChildren(...run.happened.map((event) => make('li', {text: `Step ${number(event.step)}: ${event.text}`})));
  drawKeys();
  drawMoments();
  drawMoment();
  drawSettings();
}

/** Return the curves of all runs: the training loss is a line, validation a dashed one. */
const curvesOf = () => runs.flatMap(({curves}, index) => [
  {kind: `run-${index}`, points: curves.training},
  {kind: `run-${index} validation`, points: curves.validation, hasDots: true},
]);

function drawKeys() {
  const key = (kind, name, text) => make('li', {}, make('i', {className: kind}), make('span', {text: `${name}: ${text}`}));
  const tail = (points) => (points.length ? `${number(points.at(-1)[3])} nats, ${unsure(points.at(-1)[3])}` : 'not measured yet');
  const of = (name) => (runs.length > 1 ? `${name.replace(/\.run$/, '')}, ` : '');
  $('keys').replaceChildren(
    ...runs.flatMap(({name, curves}, index) => [
      key(`run-${index}`, `${of(name)}text it learns from`, tail(curves.training)),
      key(`run-${index} validation`, `${of(name)}text it has never seen`, tail(curves.validation)),
    ]),
    ...runs[0].marks.map(({kind, name, nats}) => key(kind, name, `${number(nats)} nats, ${unsure(nats)}`)),
  );
}

const momentsOf = (run) => [...new Set(run.samples.flatMap(({texts}) => texts.map(({step}) => step)))].sort((a, b) => a - b);

function drawMoments() {
  const moments = momentsOf(runs[0]);
  $('said').hidden = !moments.length;
  $('moment').max = moments.length - 1;
  $('moment').value = moment === null ? moments.length - 1 : moments.findLastIndex((step) => step <= moment);
}

function drawMoment() {
  const [run] = runs;
  const step = momentsOf(run)[$('moment').valueAsNumber] ?? null;
  const loss = step === null ? undefined : meanAt(run.curves.training, Math.max(step, 1));
  const text = step === null ? '' : `Step ${number(step)}${loss === undefined ? '' : `: ${number(loss)} nats, ${unsure(loss)}`}`;
  $('at').textContent = text;
  $('moment').setAttribute('aria-valuetext', text);
  $('samples').replaceChildren(...run.samples.flatMap(({number: index, prompt, is_told, texts}) => [
    make('dt', {text: is_told ? prompt ?? 'From nothing' : `Prompt ${index + 1}`}),
    make('dd', {dir: 'auto', text: texts.findLast((each) => each.step <= step)?.text ?? ''}),
  ]));
  const last = run.curves.training.at(-1);
  drawChart($('chart'), {
    curves: curvesOf(),
    marks: run.marks,
    moment: step,
    isLog: $('log-steps').checked,
    label: last ? `Loss in nats over ${number(last[1])} steps, ${number(last[3])} at the end. The figures stand below.` : 'Loss',
  });
  drawFigures(run, momentsOf(run));
}

function drawFigures({curves}, moments) {
  const row = (cells, tag = 'td') => make('tr', {}, ...cells.map((text) => make(tag, {text})));
  const figure = (points, step) => {
    const nats = meanAt(points, step);
    return nats === undefined ? '–' : number(nats);
  };
  const steps = moments.length ? moments : curves.validation.map((point) => point[0]);
  $('figures').replaceChildren(row(['Step', 'Text it learns from', 'Text it has never seen'], 'th'),
    ...steps.map((step) => row([number(step), figure(curves.training, Math.max(step, 1)), figure(curves.validation, step)])));
}

function drawSettings() {
  const rows = runs.length > 1 ? differences(runs) : Object.entries(runs[0].settings);
  const isSame = runs.length > 1 && !rows.length;
  $('settings-title').textContent = runs.length > 1 ? 'Settings that differ' : 'Settings';
  $('settings-title').parentElement.open ||= runs.length > 1;
  const head = runs.length > 1 ? [make('tr', {}, ...['', ...runs.map(({name}) => name)].map((text) => make('th', {text})))] : [];
  const body = rows.map(([name, ...values]) => make('tr', {}, make('th', {text: name}), ...values.map((text) => make('td', {text}))));
  $('settings').replaceChildren(...(isSame ? [make('tr', {}, make('td', {text: 'None differs.'}))] : [...head, ...body]));
}

// Begin

$('run').onchange = () => {
  moment = null;
  goneText = '';
  names = [$('run').value];
  drawOthers();
  refresh();
};
$('moment').oninput = () => {
  const moments = momentsOf(runs[0]);
  const index = $('moment').valueAsNumber;
  moment = index === moments.length - 1 ? null : moments[index];
  drawMoment();
};
$('log-steps').onchange = drawMoment;
document.onvisibilitychange = () => document.hidden || refresh();
refresh();
