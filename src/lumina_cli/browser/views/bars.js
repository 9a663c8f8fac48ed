// Bars of what may come: how likely to the model, and how likely to be drawn.

import {make, makeButton} from './dom.js';
import {tagName} from './pieces.js';
import {percent, t} from './strings.js';

/**
 * Return a list of bars. `rows`: {label, prob}, with `drawn` where a sampler is, and `figure` where
 * it is no probability; `choose` is called with one that is clicked.
 */
export function drawBars(rows, {label, choose}) {
  return make('ol', {className: 'bars', ariaLabel: label}, ...rows.map((row) => make('li', {}, drawBar(row, choose))));
}

function drawBar(row, choose) {
  const {label, prob, drawn, figure} = row;
  const track = make('span', {className: 'track'}, bar('prob', prob), ...(drawn === undefined ? [] : [bar('drawn', drawn)]));
  const parts = [make('bdi', {text: tagName(label)}), track, make('span', {className: 'figure', text: figure ?? figureOf(row)})];
  if (!choose) return make('div', {className: 'bar'}, ...parts);
  const button = makeButton('', () => choose(row), 'bar');
  button.replaceChildren(...parts);
  return button;
}

function figureOf({prob, drawn}) {
  if (drawn === undefined) return percent(prob);
  return drawn ? t('drawn', {prob: percent(prob), drawn: percent(drawn)}) : t('notDrawn', {prob: percent(prob)});
}

function bar(className, share) {
  const element = make('i', {className});
  element.style.width = `${100 * share}%`;
  return element;
}
