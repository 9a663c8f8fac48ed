// What else the model might have said in a place, in a small window beside it.

import {make} from './log.js';
import {percent, t} from './strings.js';
import {named} from './text.js';

const GAP = 8; // px, to the edges of the screen

const panel = document.getElementById('alternatives');
const [title, hint, list] = panel.children;

/** Show what else a unit might have been; `choose` is called with the one that is wished for. */
export function showAlternatives(unit, element, choose) {
  title.replaceChildren(...isolated('alternatives', {text: named(unit.text), percent: percent(unit.prob)}));
  hint.textContent = t('goOnWith');
  list.replaceChildren(...unit.others.map((other) => make('li', {}, option(unit, other, choose))));
  panel.showPopover();
  place(element.getBoundingClientRect());
  list.querySelector('button:enabled')?.focus({preventScroll: true});
}

function option(unit, other, choose) {
  const name = {text: named(other.text), end: t('end'), part: t('part')}[other.kind];
  const isSaid = other.kind === 'text' && other.text === unit.text;
  const bar = make('span', {className: 'bar', ariaHidden: 'true'});
  bar.style.setProperty('--prob', other.prob);
  const label = make('bdi', {text: name, className: other.kind === 'text' ? '' : 'word'});
  const button = make('button', {type: 'button', disabled: other.kind === 'part'}, bar, label, make('span', {text: percent(other.prob)}));
  if (isSaid) button.setAttribute('aria-current', 'true');
  button.addEventListener('click', () => {
    panel.hidePopover();
    choose(other);
  });
  return button;
}

/** Return a sentence with its values apart, so that none turns the others around. */
function isolated(key, values) {
  return t(key, {text: '\0text\0', percent: '\0percent\0'}).split('\0')
    .map((part) => (Object.hasOwn(values, part) ? make('bdi', {text: values[part]}) : part));
}

/** Put the window below a character, or above where there is no room. */
function place({left, top, bottom}) {
  const {offsetWidth: width, offsetHeight: height} = panel;
  const isBelow = bottom + height + 2 * GAP < innerHeight || top < height + 2 * GAP;
  const x = Math.max(GAP, Math.min(left - GAP, document.documentElement.clientWidth - width - GAP));
  panel.style.left = `${x + scrollX}px`;
  panel.style.top = `${(isBelow ? bottom + GAP : top - height - GAP) + scrollY}px`;
}
