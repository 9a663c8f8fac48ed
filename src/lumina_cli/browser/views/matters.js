// What mattered for one piece: each earlier one hidden, and the model asked again.

import {drawBars} from './bars.js';
import {make} from './dom.js';
import {drawPieces, nameOf} from './pieces.js';
import {language, percent, t} from './strings.js';

const BOUNDS = [0.05, 0.3, 1]; // nats, of the shades

export function drawMatters(view, {choose}) {
  const {text, target, deltas, curve} = view;
  const shade = (position) => {
    const delta = deltas[position] ?? 0;
    const level = BOUNDS.filter((bound) => Math.abs(delta) >= bound).length;
    return level ? `${delta > 0 ? 'for' : 'against'}-${level}` : '';
  };
  const name = nameOf(text.pieces[target]);
  const strongest = deltas.map((delta, position) => ({delta: delta ?? 0, position}))
    .filter(({delta}) => Math.abs(delta) >= BOUNDS[0]).sort((one, other) => Math.abs(other.delta) - Math.abs(one.delta)).slice(0, 5);
  return [
    drawPieces(text, {
      label: t('mattersPieces'), chosen: target, choose: (position) => choose(Math.max(1, position + text.num_left_out)), look: (_, position) => shade(position),
      tell: (_, position) => (typeof deltas[position] === 'number' ? t('delta', {delta: signed(deltas[position])}) : ''),
    }),
    make('p', {className: 'legend'}, make('span', {className: 'for-2', text: t('for')}), make('span', {className: 'against-2', text: t('against')})),
    make('h3', {text: t('mattersFor', {piece: name, prob: percent(Math.exp(view.logprob))})}),
    make('ul', {}, ...strongest.map(({delta, position}) => make('li', {}, make('bdi', {text: nameOf(text.pieces[position])}), ' ',
      t(delta > 0 ? 'lessLikely' : 'moreLikely', {times: timesOf(delta), delta: signed(delta)})))),
    ...(view.delta_before === null ? [] : [make('p', {text: t('before', {num: view.first_hidden, delta: signed(view.delta_before)})})]),
    make('h3', {text: t('curve')}),
    drawBars(curve.map(({num_ids: num, logprob}) => ({label: t('lastPieces', {num}), prob: Math.exp(logprob)})), {label: t('curve')}),
    make('p', {className: 'soft', text: t('mattersHow')}),
  ];
}

const timesOf = (delta) => Math.exp(Math.abs(delta)).toLocaleString(language, {maximumSignificantDigits: 2});

const signed = (nats) => `${nats < 0 ? '−' : '+'}${Math.abs(nats).toFixed(2)}`;
