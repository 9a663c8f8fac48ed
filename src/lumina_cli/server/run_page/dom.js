// Elements. Text is only ever set as text, without controls and what turns its order around.

const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const {text, ...others} = properties;
  const element = Object.assign(document.createElement(tag), others);
  const shown = text === undefined ? children : [String(text)];
  element.append(...shown.map((each) => (typeof each === 'string' ? plain(each) : each)));
  return element;
}

/** Return a text as it may be shown. */
export const plain = (text) => text.replace(HIDDEN, '');

/** Return a new element of a drawing. */
export function draw(tag, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
