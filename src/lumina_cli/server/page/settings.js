// The settings of a chat: its system message, and how its replies are drawn.

import {make} from './dom.js';
import {DEFAULTS, isWithin, parseSampling, SETTINGS} from './session.js';
import {recall} from './store.js';
import {t} from './strings.js';

const DRAWING = ['top-k', 'nucleus', 'min-p'];
const USED_WITH = {temperature: DRAWING, seed: DRAWING, top_k: ['top-k'], top_p: ['nucleus'], min_p: ['min-p']};
const STEPS = {temperature: 0.1, top_p: 0.01, min_p: 0.01, repetition_penalty: 0.05}; // of sliders

/** Return the settings of a new chat: as last used, as the model has them, or the usual ones. */
export function newSampling(model) {
  for (const known of [recall('sampling'), model?.lumina?.sampling]) {
    try {
      return parseSampling(known && {...known, seed: null});
    } catch {
      // none, or of another version
    }
  }
  return DEFAULTS;
}

/** Fill in the fields. `change` is called with a setting's name and its new value. */
export function drawSettings(fields, {sampling, system, change}) {
  const number = (name) => {
    const [, min, max] = SETTINGS[name];
    const field = make('input', {type: STEPS[name] ? 'range' : 'number', min, max, step: STEPS[name] ?? 1, value: sampling[name]});
    return row(name, field, () => field.valueAsNumber, change);
  };
  const text = make('textarea', {value: system, rows: 2, dir: 'auto'});
  const seed = make('input', {value: sampling.seed ?? '', inputMode: 'numeric', autocomplete: 'off'});
  const sampler = make('select', {}, ...[...new Set(['greedy', ...DRAWING, sampling.sampler])].map((name) =>
    make('option', {value: name, text: name === 'beam' ? t(name) : name})));
  sampler.value = sampling.sampler;
  fields.replaceChildren(
    row('system', text, () => text.value, change),
    row('sampler', sampler, () => sampler.value, change),
    ...['temperature', 'top_k', 'top_p', 'min_p', 'repetition_penalty', 'max_chars'].map(number),
    row('seed', seed, () => seed.value.trim() || null, change),
  );
  showUsed(fields, sampling.sampler);
}

export function showUsed(fields, sampler) {
  for (const field of fields.children) field.hidden = USED_WITH[field.dataset.name]?.includes(sampler) === false;
}

/** Return a field with its name, its value and a sentence; it takes no value out of bounds. */
function row(name, field, read, change) {
  const output = make('output', {text: field.type === 'range' ? field.value : ''});
  Object.assign(field, {id: `set-${name}`, oninput: () => {
    const isRight = name === 'system' || isWithin(name, read());
    field.ariaInvalid = String(!isRight);
    if (field.type === 'range') output.textContent = field.value;
    if (isRight) change(name, read());
  }});
  field.setAttribute('aria-describedby', field.id + '-hint');
  const label = make('div', {className: 'name'}, make('label', {htmlFor: field.id, text: t(name)}), output);
  const element = make('div', {className: 'field'}, label, field, make('p', {className: 'hint', id: field.id + '-hint', text: t(name + 'Hint')}));
  element.dataset.name = name;
  return element;
}
