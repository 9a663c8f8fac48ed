// What heads look at, and what each is worth.

import {drawBars} from './bars.js';
import {make, makeButton} from './dom.js';
import {drawPieces, nameOf, tagName} from './pieces.js';
import {t} from './strings.js';
import {clean} from './text.js';

const SHARES = [0.02, 0.1, 0.3];
const shadeOf = (share) => `for-${SHARES.filter((bound) => share >= bound).length}`;

/** Draw all heads; `toggle` is called with one that is switched, where it can be. */
export function drawHeads(view, {choose, toggle}) {
  const {text, position, rows, deltas, off} = view;
  const target = position + 1;
  const isOff = (layer, head) => off.some(([l, h]) => l === layer && h === head);
  const rowsOf = rows.flatMap((heads, layer) => heads.map((row, head) => drawHead({
    text, row, delta: deltas[layer][head], name: t('head', {layer: layer + 1, head: head + 1}), isOff: isOff(layer, head), toggle: toggle && (() => toggle([layer, head])),
  })));
  return [
    make('p', {className: 'soft', text: t('attentionHow')}),
    drawPieces(text, {label: t('headsPieces'), chosen: target < text.pieces.length ? target : -1, choose: (at) => choose(Math.max(1, at) + text.num_left_out), look: () => ''}),
    make('h3', {text: t('headsFor', {piece: tagName(view.target_label)})}),
    make('div', {className: 'heads'}, ...rowsOf),
    make('h3', {text: t('withAll')}),
    drawBars(view.guesses, {label: t('withAll')}),
    ...(off.length ? [make('h3', {text: t('without', {num: off.length})}), drawBars(view.guesses_off, {label: t('without', {num: off.length})})] : []),
  ];
}

function drawHead({text, row, delta, name, isOff, toggle}) {
  const most = [...row.keys()].sort((one, other) => row[other] - row[one]).slice(0, 3);
  const words = most.map((at) => `${nameOf(text.pieces[at])} ${Math.round(100 * row[at])} %`).join(', ');
  const strip = make('div', {className: 'strip', role: 'img', ariaLabel: t('looksAt', {name, words}), dir: 'auto'});
  strip.append(...row.map((share, at) => {
    const {text: own, label} = text.pieces[at];
    const shown = own ? clean(own).replace(/\n/g, '↵') : make('small', {text: tagName(label)});
    return make('span', {className: shadeOf(share), title: `${Math.round(100 * share)} %`}, shown);
  }));
  const figure = make('span', {className: 'figure', text: delta === null ? '' : t('worth', {delta: `${delta < 0 ? '−' : '+'}${Math.abs(delta).toFixed(2)}`})});
  const button = toggle ? makeButton(name, toggle) : make('b', {text: name});
  if (toggle) Object.assign(button, {ariaPressed: String(!isOff), title: t('switch')});
  return make('div', {className: isOff ? 'head off' : 'head'}, make('div', {className: 'row'}, button, figure), strip);
}
