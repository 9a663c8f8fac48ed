// A reply in units, a character or token each, with how likely it was and what else was.

import {clean} from './text.js';

const LEVELS = [0.9, 0.5, 0.2];
const decoder = () => new TextDecoder('utf-8', {ignoreBOM: true});

/** Return how unsure a probability is: 0 (sure) to 3. */
export const levelOf = (prob) => LEVELS.filter((bound) => prob < bound).length;

/** The units of one reply, from the log-probabilities of the ids it is made of. */
export class Units {
  #decoder = decoder();
  #ready = []; // units whose text hasn't come yet
  #pending = ''; // text whose unit hasn't come yet
  #prob = 1;
  #others = null;

  /** Begin with units: {text, prob, others: [{kind, text, prob}]}; without `prob` nothing is known. */
  constructor(list = []) {
    this.list = list;
  }

  get text() {
    return this.list.map(({text}) => text).join('');
  }

  /** Add a piece of text and the entries of `logprobs.content` that came with it. */
  add(text, entries) {
    this.#pending += text;
    for (const entry of entries) this.#decode(entry);
    while (this.#pending && this.#ready.length) this.#match(this.#ready.shift());
  }

  /** Return the units before one, and in its place another that begins with text. */
  upTo(index, other) {
    const units = this.list.slice(0, index);
    return new Units(other?.text ? [...units, {...other, others: this.list[index].others}] : units);
  }

  /** Collect ids until they make text: a character may be spelled in several bytes. */
  #decode({logprob, bytes, top_logprobs: top}) {
    this.#prob *= Math.exp(logprob);
    this.#others ??= (top ?? []).map(describe);
    const text = clean(this.#decoder.decode(new Uint8Array(bytes ?? []), {stream: true}));
    if (!text) return;
    this.#ready.push({text, prob: this.#prob, others: this.#others});
    this.#prob = 1;
    this.#others = null;
  }

  /** Take a unit whose text has come; where the two differ, nothing is claimed. */
  #match(unit) {
    const isSame = this.#pending.startsWith(unit.text);
    this.list.push(isSame ? unit : {text: this.#pending, others: []});
    this.#pending = isSame ? this.#pending.slice(unit.text.length) : '';
    if (!isSame) this.#ready = [];
  }
}

/** Return one of the most likely ids: text, the end of the reply, or part of a character. */
function describe({bytes, logprob}) {
  const text = decoder().decode(new Uint8Array(bytes ?? []));
  const isPart = text.includes('\ufffd') || clean(text) !== text;
  const kind = !text ? 'end' : isPart ? 'part' : 'text';
  return {kind, text: kind === 'text' ? text : '', prob: Math.exp(logprob)};
}
