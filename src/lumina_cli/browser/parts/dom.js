// Elements, and what keys mean in a field for messages.

const isTouch = matchMedia('(pointer: coarse)');

export const $ = (id) => document.getElementById(id);

/** Return a new element. Text is only ever set as text. */
export function make(tag, properties = {}, ...children) {
  const {text, ...others} = properties;
  const element = Object.assign(document.createElement(tag), others);
  element.append(...(text === undefined ? children : [text]));
  return element;
}

export const makeButton = (text, onclick, className = '') => make('button', {type: 'button', text, onclick, className});

/** Return whether a key sends: not while an input method composes, on touch screens only with Ctrl. */
export function isSending(event) {
  if (event.key !== 'Enter' || event.isComposing || event.keyCode === 229) return false; // 229: Safari
  return event.ctrlKey || event.metaKey || !(event.shiftKey || event.altKey || isTouch.matches);
}

/** Put the focus on a field; on touch screens elsewhere, so that no keyboard covers the screen. */
export const focusOn = (field, onTouch = field) => (isTouch.matches ? onTouch : field).focus({preventScroll: true});
