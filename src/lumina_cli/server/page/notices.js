// The line above the field: what there is to tell, and what can be done about it.

import {$, make, makeButton} from './dom.js';
import {t} from './strings.js';
import {oneLine} from './text.js';

const MAX_CHARS = 300;
let onEnd = () => {};
let isWaiting = false; // in the queue
const told = new Set(); // notices of the server

/** Show a line with buttons in the place of the last one; nothing without a text. */
export function notify(text = '', ...actions) {
  onEnd();
  const buttons = actions.map(([key, act]) => makeButton(t(key), () => {
    notify();
    act();
  }));
  $('notice').replaceChildren(...(text ? [make('bdi', {text}), ...buttons] : []));
}

/** Tell the place in the queue, as long as there is one. */
export function waits(place) {
  if (place !== undefined) notify(t('place', {place}));
  else if (isWaiting) notify();
  isWaiting = place !== undefined;
}

export const whenNoticeEnds = (act) => { onEnd = act; };

export const nameFailure = ({kind, message, seconds}) =>
  t(kind === 'broken' ? 'gone' : kind, {seconds, message: oneLine(message, MAX_CHARS)});

/** Return what of the server's notices wasn't told before. */
export function newsOf(notices) {
  const unknown = notices.filter((notice) => !told.has(notice));
  unknown.forEach((notice) => told.add(notice));
  return oneLine(unknown.join(' '), MAX_CHARS);
}

export const forgetNews = () => told.clear();
