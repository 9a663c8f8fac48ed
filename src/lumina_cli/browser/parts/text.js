// What of a text may be shown, and how what can't be seen is named.

import {t} from './strings.js';

// Controls but newline and tab, and what shows text in another order than it stands in:
// the same as in io/terminal_text.py. What emoji and scripts need (joiners, marks) stays.
const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

const NAMES = {' ': 'space', '\n': 'newline', '\t': 'tab', '\u00a0': 'space'};

export const clean = (text) => text.replace(HIDDEN, '');

/** Return a text in which half a UTF-16 pair is U+FFFD, so that it can be sent and saved. */
export const wellFormed = (text) => text.toWellFormed?.() ?? text;

export function oneLine(text, maxChars) {
  const line = clean(text.slice(0, 4 * maxChars).replace(/\s+/g, ' ')).trim();
  const chars = [...line];
  return chars.length > maxChars ? chars.slice(0, maxChars - 1).join('') + '…' : line;
}

/** Return a character or token such that it can be seen: a space by its name, others by code. */
export function named(text) {
  if (Object.hasOwn(NAMES, text)) return t(NAMES[text]);
  if (/^\p{M}/u.test(text)) return '◌' + text;
  if (!/^[\p{C}\p{Z}]+$/u.test(text)) return text;
  return [...text].map((c) => 'U+' + c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')).join(' ');
}
