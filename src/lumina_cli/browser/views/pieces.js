// A text in pieces: coloured, and one of them chosen by a click or by keys.

import {make} from './dom.js';
import {t} from './strings.js';
import {clean, named} from './text.js';

const STEPS = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity};
let numLists = 0;

/** Return how a piece is called. */
export const nameOf = ({text, label}) => (clean(text) && !/^\s/u.test(text) ? clean(text) : tagName(label));

/** Return how an id is called by its label: a tag in words, what can't be seen by its name. */
export function tagName(label) {
  const [, tag] = label.match(/^<\|(\w+)\|>$/) ?? [];
  return tag ? t(`tag_${tag}`) : named(label);
}

/**
 * Draw a text. `look` returns the class of a piece, `tell` its figure in words; `choose` is called
 * with the position that is chosen, `chosen` is the one that was.
 */
export function drawPieces({pieces}, {label, look, tell = () => '', choose, chosen = -1}) {
  const name = `pieces-${numLists++}`;
  const list = make('div', {className: 'pieces', tabIndex: 0, role: 'listbox', ariaLabel: label});
  const options = pieces.map((piece, at) => {
    const words = `${nameOf(piece)} ${tell(piece, at)}`.trim();
    const option = make('span', {id: `${name}-${at}`, role: 'option', className: look(piece, at), title: words, ariaLabel: words, ariaSelected: String(at === chosen)});
    if (!piece.counted) option.classList.add('grey');
    if (clean(piece.text)) option.textContent = clean(piece.text).replace(/\n/g, '↵\n');
    else option.append(make('small', {text: tagName(piece.label)}));
    option.dataset.at = at;
    return option;
  });
  list.append(...turnsOf(pieces, options));
  let current = chosen < 0 ? 0 : chosen;
  const move = (at) => {
    options[current]?.classList.remove('current');
    current = Math.max(0, Math.min(options.length - 1, at));
    options[current]?.classList.add('current');
    list.setAttribute('aria-activedescendant', `${name}-${current}`);
    options[current]?.scrollIntoView({block: 'nearest', inline: 'nearest'});
  };
  list.onfocus = () => move(current);
  list.onblur = () => options[current]?.classList.remove('current');
  list.onkeydown = (event) => {
    if (STEPS[event.key]) move(current + STEPS[event.key]);
    else if (event.key === 'Enter' || event.key === ' ') choose(current);
    else return;
    event.preventDefault();
  };
  list.onclick = ({target}) => {
    const at = target.closest('[data-at]')?.dataset.at;
    if (at !== undefined) choose(Number(at));
  };
  return list;
}

/** The options of each turn in a block of its own. */
function turnsOf(pieces, options) {
  const turns = [];
  pieces.forEach(({speaker}, at) => {
    if (turns.at(-1)?.speaker !== speaker) turns.push({speaker, options: []});
    turns.at(-1).options.push(options[at]);
  });
  return turns.map(({speaker, options}) => make('div', {className: `turn ${speaker}`, role: 'group', ariaLabel: t(`by_${speaker}`), dir: 'auto'}, ...options));
}
