// Which characters are alike to the model.

import {drawBars} from './bars.js';
import {make} from './dom.js';
import {t} from './strings.js';
import {named} from './text.js';

const CELL = 8; // px

export function drawCharacters(view, {character, choose}) {
  const {labels, similarity, neighbours} = view;
  const chosen = Math.max(0, labels.indexOf(character));
  const select = make('select', {}, ...labels.map((label) => make('option', {value: label, text: named(label)})));
  select.value = labels[chosen];
  select.onchange = () => choose(select.value);
  const {labels: near = [], similarities = []} = neighbours[chosen] ?? {};
  return [
    make('label', {}, make('span', {text: t('character')}), select),
    drawBars(near.map((label, n) => ({label, prob: Math.max(0, similarities[n]), figure: similarities[n].toFixed(2)})), {label: t('characters')}),
    make('div', {className: 'wide', tabIndex: 0, role: 'region', ariaLabel: t('grid')}, drawGrid(labels, similarity)),
    make('p', {className: 'soft', text: t('alike')}),
  ];
}

/** The grid as a picture: of thousands of cells nobody could read each. */
function drawGrid(labels, similarity) {
  const canvas = make('canvas', {width: CELL * labels.length, height: CELL * labels.length, role: 'img', ariaLabel: t('grid')});
  const style = getComputedStyle(document.documentElement);
  const [alike, unlike] = ['--for', '--against'].map((name) => style.getPropertyValue(name));
  const context = canvas.getContext('2d');
  similarity.forEach((row, y) => row.forEach((value, x) => {
    context.globalAlpha = Math.abs(value);
    context.fillStyle = value > 0 ? alike : unlike;
    context.fillRect(CELL * x, CELL * y, CELL, CELL);
  }));
  canvas.onpointermove = ({offsetX, offsetY}) => {
    const [x, y] = [offsetX, offsetY].map((at) => Math.floor(at / CELL));
    if (labels[x] && labels[y]) canvas.title = `${named(labels[x])} ${named(labels[y])} ${similarity[y][x].toFixed(2)}`;
  };
  return canvas;
}
