// The settings of a chat: its system message, and how its replies are drawn.

import {make} from './log.js';
import {isWithin} from './session.js';
import {t} from './strings.js';

const SAMPLERS = {greedy: 'greedy', 'top-k': 'topK', nucleus: 'nucleus', 'min-p': 'minP', beam: 'beam'};

const SLIDERS = {temperature: [0, 2, 0.1], top_p: [0, 1, 0.01], min_p: [0, 1, 0.01], repetition_penalty: [1, 2, 0.05]};

const USED_WITH = {temperature: ['top-k', 'nucleus', 'min-p'], seed: ['top-k', 'nucleus', 'min-p'], top_k: ['top-k'], top_p: ['nucleus'], min_p: ['min-p']};

/** Fill in the fields. `change` is called with a setting's name and its new value. */
export function drawSettings(fields, {sampling, system, change}) {
  const rows = [
    row('system', make('textarea', {value: system, rows: 3, dir: 'auto'}), (field) => change('system', field.value), {hint: 'systemHint'}),
    row('sampler', chooseSampler(sampling), (field) => change('sampler', field.value)),
    slider('temperature', sampling, change),
    whole('top_k', sampling, change),
    slider('top_p', sampling, change),
    slider('min_p', sampling, change),
    slider('repetition_penalty', sampling, change),
    whole('max_chars', sampling, change),
    row('stopTexts', make('textarea', {value: sampling.stop.map(escaped).join('\n'), rows: 2}), (field) =>
      change('stop', field.value.split('\n').filter(Boolean).map(unescaped))),
    row('seed', make('input', {value: sampling.seed ?? '', inputMode: 'numeric', autocomplete: 'off'}), (field) => {
      const seed = field.value.trim() || null;
      return accept(field, 'seed', seed, change);
    }),
  ];
  fields.replaceChildren(...rows);
  showUsed(fields, sampling.sampler);
}

/** Show only what the sampler uses. */
export function showUsed(fields, sampler) {
  for (const [name, samplers] of Object.entries(USED_WITH)) {
    fields.querySelector(`[data-setting=${name}]`).hidden = !samplers.includes(sampler);
  }
}

function chooseSampler({sampler}) {
  const names = Object.keys(SAMPLERS).filter((name) => name !== 'beam' || sampler === 'beam');
  const options = names.map((name) => make('option', {value: name, text: t(SAMPLERS[name]), selected: name === sampler}));
  return make('select', {}, ...options);
}

function slider(name, sampling, change) {
  const [min, max, step] = SLIDERS[name];
  const field = make('input', {type: 'range', min, max, step, value: sampling[name]});
  const output = make('output', {text: sampling[name]});
  return row(name, field, () => {
    output.textContent = field.value;
    change(name, Number(field.value));
  }, {output});
}

function whole(name, sampling, change) {
  const field = make('input', {type: 'number', min: 1, step: 1, value: sampling[name]});
  return row(name, field, () => accept(field, name, field.valueAsNumber, change));
}

/** Take a value over if it is within its bounds; the field shows it where it isn't. */
function accept(field, name, value, change) {
  const isRight = isWithin(name, value);
  field.setAttribute('aria-invalid', String(!isRight));
  if (isRight) change(name, value);
}

function row(name, field, oninput, {output = '', hint = name + 'Hint'} = {}) {
  field.id = `set-${name}`;
  field.addEventListener('input', () => oninput(field));
  field.setAttribute('aria-describedby', field.id + '-hint');
  const label = make('label', {htmlFor: field.id, text: t(name)});
  const element = make('div', {className: 'field'}, make('div', {className: 'name'}, label, output), field, make('p', {className: 'hint', id: field.id + '-hint', text: t(hint)}));
  element.dataset.setting = name;
  return element;
}

const escaped = (text) => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
const unescaped = (text) => text.replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char));
