// What Enter means in a field for messages.

const isTouch = matchMedia('(pointer: coarse)');

/** Return whether a key sends: not while an input method composes, on touch screens only with Ctrl. */
export function isSending({key, isComposing, keyCode, shiftKey, altKey, ctrlKey, metaKey}) {
  if (key !== 'Enter' || isComposing || keyCode === 229) return false; // 229: Safari, as composing ends
  return ctrlKey || metaKey || !(shiftKey || altKey || isTouch.matches);
}

/** Put the focus where the next message is written, but open no keyboard over half of a small screen. */
export function focusOn(field, {onTouch}) {
  (isTouch.matches ? onTouch : field).focus({preventScroll: true});
}
