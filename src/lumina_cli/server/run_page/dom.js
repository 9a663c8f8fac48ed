// Elements. Text is only ever set as text.

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const {text, ...others} = properties;
  const element = Object.assign(document.createElement(tag), others);
  element.append(...(text === undefined ? children : [text]));
  return element;
}

/** Return a new element of a drawing. */
export function draw(tag, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
