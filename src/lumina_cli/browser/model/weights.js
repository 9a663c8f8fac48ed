// A model out of the page: its facts are JSON, its weights fp16 in base64.

import { Tokenizer } from "./tokenizer.js";
import { Transformer } from "./transformer.js";

/** Return {model, tokenizer} of what browser/model_json.py tells. */
export function loadModel({ weights, shapes, ...facts }) {
  const halves = new Uint16Array(bytesOf(weights).buffer); // little endian, as every browser's machine
  const floats = Float32Array.from(halves, (half) => FLOATS[half]);
  let begin = 0;
  const named = shapes.map(([name, size]) => [name, floats.subarray(begin, (begin += size))]);
  return { model: new Transformer(facts, Object.fromEntries(named)), tokenizer: new Tokenizer(facts) };
}

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

// Each of the 65,536 numbers of fp16.
const FLOATS = Float32Array.from({ length: 1 << 16 }, (_, half) => {
  const sign = half >> 15 ? -1 : 1;
  const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
});
