// How much each piece of a text surprised the model.

import {drawBars} from './bars.js';
import {make} from './dom.js';
import {drawPieces, nameOf} from './pieces.js';
import {percent, t} from './strings.js';

const LEVELS = [0.9, 0.5, 0.2];

/** Return how unsure a probability is: 0 (sure) to 3. */
const levelOf = (prob) => LEVELS.filter((bound) => prob < bound).length;

export function drawSurprise(view, {at, choose}) {
  const {text, nats, expected, nats_per_char: mean, num_chars: count} = view;
  const probOf = (position) => (nats[position] === null ? null : Math.exp(-nats[position]));
  const tell = (_, position) => (nats[position] === null ? '' : percent(probOf(position)));
  const chosen = at === null ? view.least_sure[0] ?? -1 : at - text.num_left_out;
  const pieces = drawPieces(text, {
    label: t('surprisePieces'), tell, chosen, choose: (position) => choose(position + text.num_left_out),
    look: (_, position) => (nats[position] === null ? '' : `level-${levelOf(probOf(position))}`),
  });
  return [
    pieces,
    legend(),
    ...(mean === null ? [] : [make('p', {text: t('mean', {nats: mean.toFixed(3), count, choices: Math.exp(mean).toFixed(2)})})]),
    ...(expected[chosen]?.length ? [
      make('h3', {text: t('expected', {piece: nameOf(text.pieces[chosen]), prob: percent(probOf(chosen))})}),
      drawBars(expected[chosen], {label: t('surprise')}),
    ] : []),
    make('p', {className: 'soft', text: t('sureIsNotRight')}),
    ...(text.pieces.some(({counted}, position) => position && !counted) ? [make('p', {className: 'soft', text: t('greyIsNotLearnt')})] : []),
  ];
}

function legend() {
  const names = ['> 90 %', '50–90 %', '20–50 %', '< 20 %'];
  return make('p', {className: 'legend'}, ...names.map((text, level) => make('span', {className: `level-${level}`, text})), make('span', {className: 'grey', text: t('notLearnt')}));
}
