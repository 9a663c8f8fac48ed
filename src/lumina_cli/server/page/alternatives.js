// What else the model might have said in a place, in a small window beside it.

import {$, make, makeButton} from './dom.js';
import {percent, t} from './strings.js';
import {named} from './text.js';

const GAP = 8; // px, to the edges of the screen
const panel = $('alternatives');
const [title, , list] = panel.children;

/** Show what else a unit might have been; `choose` is called with the one that is wished for. */
export function showAlternatives(unit, element, choose) {
  title.replaceChildren(make('bdi', {text: named(unit.text)}), ` · ${percent(unit.prob)}`);
  list.replaceChildren(...unit.others.map((other) => make('li', {}, option(other, choose, other.text === unit.text))));
  panel.showPopover();
  place(element.getBoundingClientRect());
  list.querySelector('button:enabled')?.focus({preventScroll: true});
}

function option(other, choose, isSaid) {
  const {kind, text, prob} = other;
  const button = makeButton('', () => {
    panel.hidePopover();
    choose(other);
  });
  const bar = make('span', {className: 'bar'});
  bar.style.setProperty('--prob', prob);
  button.append(bar, make('bdi', {className: kind, text: text ? named(text) : t(kind)}), make('span', {text: percent(prob)}));
  button.disabled = kind === 'part';
  button.ariaCurrent = String(isSaid);
  return button;
}

/** Put the window below a character, or above where there is no room. */
function place({left, top, bottom}) {
  const {offsetWidth: width, offsetHeight: height} = panel;
  const isBelow = bottom + height + 2 * GAP < innerHeight || top < height + 2 * GAP;
  const x = Math.max(GAP, Math.min(left - GAP, document.documentElement.clientWidth - width - GAP));
  panel.style.left = `${x + scrollX}px`;
  panel.style.top = `${(isBelow ? bottom + GAP : top - height - GAP) + scrollY}px`;
}
