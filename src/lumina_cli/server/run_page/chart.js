// Curves over steps as a drawing. A point is [first step, last step, least, mean, most].

import {draw, make} from './dom.js';
import {number} from './words.js';

const WIDTH = 600;
const HEIGHT = 240;
const MAX_DOTS = 60;

/** Draw curves {kind, points} and marks {kind, nats} into a place, over linear or logarithmic steps. */
export function drawChart(place, {curves, marks, moment, isLog, label}) {
  const points = curves.flatMap((curve) => curve.points);
  if (!points.length) return place.replaceChildren();
  const ticks = ticksFromZero(Math.max(...points.map((point) => point[4]), ...marks.map(({nats}) => nats)));
  const last = Math.max(...points.map((point) => point[1]), 1);
  const along = isLog ? (step) => Math.log1p(step) / Math.log1p(last) : (step) => step / last;
  const x = (step) => (along(step) * WIDTH).toFixed(1);
  const y = (nats) => ((1 - nats / ticks.at(-1)) * HEIGHT).toFixed(1);
  const level = (kind, nats) => draw('line', {class: kind, x1: 0, x2: WIDTH, y1: y(nats), y2: y(nats)});
  const svg = draw('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label},
    ...ticks.map((nats) => level('grid', nats)),
    ...marks.map(({kind, nats}) => level(kind, nats)),
    ...curves.flatMap((curve) => drawCurve(curve, x, y)));
  if (moment !== null) svg.append(draw('line', {class: 'moment', x1: x(moment), x2: x(moment), y1: 0, y2: HEIGHT}));
  const scale = make('div', {className: 'scale'}, ...ticks.toReversed().map((nats) => make('span', {text: number(nats)})));
  const middle = isLog ? Math.round(Math.expm1(Math.log1p(last) / 2)) : Math.round(last / 2);
  const steps = [0, ...(last > 2 ? [middle] : []), last].map((step) => make('span', {text: `${step ? '' : 'step '}${number(step)}`}));
  place.replaceChildren(scale, svg, make('div', {className: 'steps'}, ...steps));
}

function drawCurve({kind, points, hasDots}, x, y) {
  if (!points.length) return [];
  const step = (point) => (point[0] + point[1]) / 2;
  const edge = [...points.map((p) => [step(p), p[4]]), ...points.toReversed().map((p) => [step(p), p[2]])];
  const places = (pairs) => pairs.map(([at, nats]) => `${x(at)},${y(nats)}`).join(' ');
  const drawn = [draw('polyline', {class: kind, points: places(points.map((p) => [step(p), p[3]]))})];
  if (points.some((p) => p[2] !== p[4])) drawn.unshift(draw('polygon', {class: kind, points: places(edge)}));
  if (points.length === 1 || (hasDots && points.length <= MAX_DOTS)) {
    drawn.push(draw('path', {class: `dots ${kind}`, d: points.map((p) => `M${x(step(p))} ${y(p[3])}h0`).join('')}));
  }
  return drawn;
}

/** Return round figures at equal distances, from zero to beyond the most. */
function ticksFromZero(most) {
  const rough = Math.max(most, 1e-9) / 4;
  const size = 10 ** Math.floor(Math.log10(rough));
  const distance = [1, 2, 2.5, 5, 10, 20].map((times) => times * size).find((each) => each >= rough);
  return Array.from({length: Math.ceil(most / distance) + 1}, (_, index) => index * distance);
}

/** Return the mean of a curve at a step: of the newest point that begins before or at it. */
export const meanAt = (points, step) => points.findLast((point) => point[0] <= step)?.[3];
