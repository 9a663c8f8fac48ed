// The best guess after each layer.

import {make} from './dom.js';
import {drawPieces, nameOf, tagName} from './pieces.js';
import {percent, t} from './strings.js';

export function drawLayers(view, {at, choose}) {
  const {text, top_ids: ids, top_probs: probs, actual_probs: actual, labels} = view;
  const last = text.pieces.length - 1;
  const target = at === null ? last : at - text.num_left_out;
  const from = Math.max(0, Math.min(last, target - 1)); // what stands at t was predicted at t - 1
  const isThere = from + 1 === target && target <= last;
  const header = [t('layer'), ...(isThere ? [t('actual', {piece: nameOf(text.pieces[target])})] : []), t('guesses')];
  const rows = ids.map((row, layer) => {
    const guesses = row[from].map((id, n) => make('span', {className: 'guess'}, make('bdi', {text: tagName(labels[id])}), ` ${percent(probs[layer][from][n])}`));
    const cells = [...(isThere ? [make('td', {text: percent(actual[layer][from])})] : []), make('td', {}, ...guesses)];
    return make('tr', {}, make('th', {scope: 'row', text: layer ? t('afterLayer', {layer}) : t('embedding')}), ...cells);
  });
  const table = make('table', {}, make('thead', {}, make('tr', {}, ...header.map((text) => make('th', {scope: 'col', text})))), make('tbody', {}, ...rows));
  const best = (position) => actual.at(-1)[position - 1] ?? null;
  return [
    drawPieces(text, {
      label: t('layersPieces'), chosen: target > last ? -1 : target, choose: (position) => choose(position + text.num_left_out),
      look: (_, position) => (position ? `rise-${firstRight(view, position)}` : ''),
      tell: (_, position) => (position ? t('rightFrom', {layer: firstRight(view, position), prob: percent(best(position))}) : ''),
    }),
    make('p', {className: 'legend'}, t('rightFromLegend'), ...ids.map((_, layer) => make('span', {className: `rise-${Math.min(layer, 5)}`, text: layer})), make('span', {text: t('never')})),
    make('div', {className: 'wide', tabIndex: 0, role: 'region', ariaLabel: t('layers')}, table),
    make('p', {className: 'soft', text: t('lens')}),
  ];
}

/** Return the first layer from which on the best guess is what came. */
function firstRight({text, top_ids: ids}, position) {
  const id = text.pieces[position].id;
  const wrong = ids.findLastIndex((row) => row[position - 1][0] !== id);
  return wrong + 1 < ids.length ? Math.min(wrong + 1, 5) : 'never';
}
