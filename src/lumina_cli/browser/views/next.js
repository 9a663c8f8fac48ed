// What may come next, and what the sampler makes of it.

import {drawBars} from './bars.js';
import {make} from './dom.js';
import {percent, t} from './strings.js';

const DRAWING = ['top-k', 'nucleus', 'min-p'];
const SLIDERS = { // of a sampler: least, most, step
  temperature: [0.1, 2, 0.1], top_k: [1, 50, 1], top_p: [0, 1, 0.01], min_p: [0, 1, 0.01],
};
const USED_WITH = {temperature: DRAWING, top_k: ['top-k'], top_p: ['nucleus'], min_p: ['min-p']};

/** Return the fields of the sampler; `change` is called with the settings after each change. */
export function samplerFields(sampling, change) {
  const settings = {...sampling};
  const rows = Object.entries(SLIDERS).map(([name, [min, max, step]]) => {
    const output = make('output', {text: settings[name]});
    const slider = make('input', {type: 'range', min, max, step, value: settings[name], id: `set-${name}`});
    slider.oninput = () => {
      output.textContent = slider.value;
      settings[name] = slider.valueAsNumber;
      change(settings);
    };
    return [name, make('label', {}, make('span', {text: t(name)}), output, slider)];
  });
  const show = () => rows.forEach(([name, row]) => { row.hidden = !USED_WITH[name].includes(settings.sampler); });
  const select = make('select', {id: 'set-sampler'}, ...['greedy', ...DRAWING].map((name) => make('option', {value: name, text: name})));
  select.value = settings.sampler;
  select.onchange = () => {
    settings.sampler = select.value;
    show();
    change(settings);
  };
  show();
  return make('div', {className: 'fields'}, make('label', {}, make('span', {text: t('sampler')}), select), ...rows.map(([, row]) => row));
}

/** Draw the bars; `goOn` is called with the candidate that is chosen, where one can be. */
export function drawNext(view, {goOn}) {
  return [
    make('p', {text: goOn ? t('nextHow') : t('nextFixed')}),
    drawBars(view.candidates, {label: t('next'), choose: goOn}),
    make('p', {className: 'soft', text: t('rest', {rest: percent(view.rest_prob), num: view.num_kept})}),
    ...(view.held ? [make('p', {className: 'soft', text: t('held', {held: view.held})})] : []),
  ];
}
