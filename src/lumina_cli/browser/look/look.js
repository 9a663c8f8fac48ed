// The page: a text, and the views of what a model makes of it.

import {$, make, makeButton} from './dom.js';
import {drawCharacters} from './characters.js';
import {drawHeads} from './heads.js';
import {drawLayers} from './layers.js';
import {drawMatters} from './matters.js';
import {drawNext, samplerFields} from './next.js';
import {drawSource} from './source.js';
import {t, translate} from './strings.js';
import {drawSurprise} from './surprise.js';
import {clean, wellFormed} from './text.js';

const VIEWS = ['next', 'surprise', 'matters', 'source', 'layers', 'heads', 'characters'];
const WITH_PLACE = ['matters', 'heads'];
const END = '<|end|>';

/**
 * Show the page.
 *
 * `ask` takes a request of look and a function for what is known so far, and returns a view.
 * `facts`: {name, isChatbot, sampling}. `others`: models to stand beside it, {name, ask}. `recorded`: {said, reply} where the text can't be changed.
 */
export function showLook({ask, facts, others = [], recorded = null}) {
  translate();
  const state = {view: 'next', at: null, off: [], sampling: facts.sampling, character: ''};
  let isAsking = false;
  let isStale = false;

  /** What is read: the bot's words are open while the next character is looked at. */
  const content = (view) => {
    const [said, reply] = [wellFormed($('said').value), wellFormed($('reply').value)];
    if (!facts.isChatbot) return {text: said};
    const messages = [{role: 'user', text: said}, ...(reply ? [{role: 'bot', text: reply}] : [])];
    return reply && view === 'next' ? {messages, is_ended: false} : {messages};
  };

  const request = () => ({
    view: state.view, ...(state.view === 'characters' ? {} : content(state.view)),
    ...(state.view === 'next' && {sampling: state.sampling}),
    ...(WITH_PLACE.includes(state.view) && state.at !== null && {at: state.at}),
    ...(state.view === 'heads' && {off: state.off}),
  });

  /** Ask for the view that is wished for; what changes meanwhile is asked for afterwards. */
  async function refresh() {
    isStale = true;
    if (isAsking) return;
    isAsking = true;
    $('view').ariaBusy = 'true';
    while (isStale) {
      isStale = false;
      const {view} = state;
      const show = (answer) => answer && !isStale && state.view === view && draw(answer);
      try {
        const answer = await ask(request(), (part) => {
          show(part);
          return !isStale;
        });
        if (!isStale) $('notice').replaceChildren();
        show(answer);
        const other = others[$('beside').selectedIndex - 1];
        const beside = other && !isStale ? await other.ask(request(), () => !isStale).catch((error) => error) : null;
        if (!isStale) drawOther(other, beside, answer);
      } catch (error) {
        if (isStale) continue;
        $('shown').replaceChildren();
        tell(error);
      }
    }
    $('view').ariaBusy = 'false';
    isAsking = false;
  }

  function choose(at) {
    state.at = at;
    refresh();
  }

  function toggle(head) {
    const [name] = [String(head)];
    const isOff = state.off.map(String).includes(name);
    state.off = isOff ? state.off.filter((one) => String(one) !== name) : [...state.off, head];
    refresh();
  }

  function goOn({label}) {
    const field = facts.isChatbot ? $('reply') : $('said');
    if (label === END) return $('notice').replaceChildren(t('ended'));
    if (/^<(\|\w+\||[0-9A-F]{2})>$/.test(label)) return $('notice').replaceChildren(t('part'));
    field.value += label;
    textChanged();
  }

  const canChange = !recorded;
  const drawers = {
    next: (view) => drawNext(view, {goOn: canChange && goOn}),
    surprise: (view) => drawSurprise(view, {at: state.at, choose: (at) => { state.at = at; draw(view); }}),
    matters: (view) => drawMatters(view, {choose}),
    source: drawSource,
    layers: (view) => drawLayers(view, {at: state.at, choose: (at) => { state.at = at; draw(view); }}),
    heads: (view) => drawHeads(view, {choose, toggle: canChange && toggle}),
    characters: (view) => drawCharacters(view, {character: state.character, choose: (character) => { state.character = character; draw(view); }}),
  };

  function drawOther(other, view, answer) {
    const same = JSON.stringify(view) === JSON.stringify(answer) ? [make('p', {text: t('same')})] : [];
    const shown = view instanceof Error ? [make('p', {text: clean(view.told ?? view.message)})] : view && drawers[view.view](view);
    $('shown-name').hidden = !view;
    $('other').replaceChildren(...(view ? [make('h2', {text: clean(other.name)}), ...same, ...shown] : []));
  }

  function draw(view) {
    const focused = [...$('shown').querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
    $('shown').replaceChildren(...drawers[view.view](view));
    if (focused >= 0) $('shown').querySelectorAll(FOCUSABLE)[focused]?.focus({preventScroll: true});
  }

  function textChanged() {
    state.at = null;
    refresh();
  }

  function showView(view) {
    state.view = view;
    for (const tab of $('tabs').children) {
      tab.ariaSelected = String(tab.id === `tab-${view}`);
      tab.tabIndex = tab.id === `tab-${view}` ? 0 : -1;
    }
    $('view').setAttribute('aria-labelledby', `tab-${view}`);
    $('shown').replaceChildren();
    drawOther();
    $('fields').hidden = view !== 'next' || Boolean(recorded);
    refresh();
  }

  async function drawReply() {
    $('draw').disabled = true;
    const before = $('said').value;
    try {
      const messages = [{role: 'user', text: wellFormed(before)}];
      const view = await ask({view: 'surprise', messages, draw_reply: true, sampling: state.sampling}, () => $('said').value === before);
      if ($('said').value === before) $('reply').value = view.text.pieces.map(({speaker, text}) => (speaker === 'bot' ? text : '')).join('');
      textChanged();
    } catch (error) {
      tell(error);
    }
    $('draw').disabled = false;
  }

  $('tabs').replaceChildren(...VIEWS.map((view) => Object.assign(makeButton(t(view), () => showView(view)), {id: `tab-${view}`, role: 'tab'})));
  for (const tab of $('tabs').children) tab.setAttribute('aria-controls', 'view');
  $('tabs').onkeydown = ({key}) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[key];
    if (!step) return;
    const at = (VIEWS.indexOf(state.view) + step + VIEWS.length) % VIEWS.length;
    showView(VIEWS[at]);
    $('tabs').children[at].focus();
  };
  document.title = `${t('title')} · ${clean(facts.name)}`;
  $('model-name').textContent = $('shown-name').textContent = clean(facts.name);
  $('intro').textContent = t(recorded ? 'introFixed' : facts.isLiving ? 'introLiving' : 'intro');
  $('said-name').textContent = t(facts.isChatbot ? 'said' : 'plain');
  $('replied').hidden = $('draw').hidden = !facts.isChatbot;
  $('said').oninput = $('reply').oninput = textChanged;
  $('draw').onclick = drawReply;
  $('clear').onclick = () => {
    $('said').value = $('reply').value = '';
    textChanged();
    $('said').focus();
  };
  $('besides').hidden = !others.length;
  $('beside').replaceChildren(...['', ...others.map(({name}) => name)].map((name) => make('option', {text: clean(name) || t('nobody')})));
  $('beside').onchange = refresh;
  $('text').onsubmit = (event) => event.preventDefault();
  const begun = recorded ?? facts.begun ?? {said: t(facts.isChatbot ? 'hello' : 'once'), reply: ''};
  if (recorded || !($('said').value || $('reply').value)) [$('said').value, $('reply').value] = [begun.said, begun.reply];
  if (recorded) {
    $('said').readOnly = $('reply').readOnly = true;
    $('draw').hidden = $('clear').hidden = true;
  }
  $('fields').replaceChildren(samplerFields(state.sampling, (sampling) => {
    state.sampling = sampling;
    refresh();
  }));
  showView('next');
}

/** Say what went wrong: `told` in the person's words, with a `link` to where it can be mended. */
export function tell({message, told = t('failed', {message}), link}) {
  const links = link ? [' ', make('a', {href: link, text: t('chat')})] : [];
  $('notice').replaceChildren(make('bdi', {text: clean(told)}), ...links);
}

const FOCUSABLE = 'button, select, [tabindex="0"], summary';
