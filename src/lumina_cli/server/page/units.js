// A reply in units, a character or token each, with how likely it was and what else was.

import {clean} from './text.js';

const LEVELS = [0.9, 0.5, 0.2];

/** Return how unsure a probability is: 0 (sure) to 3. */
export const levelOf = (prob) => LEVELS.filter((bound) => prob < bound).length;

/** The units of one reply, from the log-probabilities of the ids it is made of. */
export class Units {
  list = []; // {text, prob, others: [{kind, text, prob}]}; without prob where nothing is known
  #decoder = new TextDecoder('utf-8', {ignoreBOM: true});
  #ready = []; // units whose text hasn't come yet
  #pending = ''; // text whose unit hasn't come yet
  #prob = 1;
  #others = null;

  /** Add a piece of text and the entries of `logprobs.content` that came with it. */
  add(text, entries) {
    this.#pending += text;
    for (const entry of entries) this.#decode(entry);
    while (this.#pending && this.#ready.length) this.#match();
  }

  /** Return the units before one, and in its place another. */
  upTo(index, other) {
    const units = new Units();
    units.list = this.list.slice(0, index);
    if (other) units.list.push({...other, others: this.list[index].others});
    return units;
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

  #match() {
    const unit = this.#ready[0];
    if (this.#pending.startsWith(unit.text)) {
      this.list.push(this.#ready.shift());
      this.#pending = this.#pending.slice(unit.text.length);
    } else {
      this.list.push({text: this.#pending, others: []}); // the two differ: nothing is claimed
      this.#pending = '';
      this.#ready = [];
    }
  }
}

/** Return one of the most likely ids: text, the end of the reply, or part of a character. */
function describe({bytes, logprob}) {
  const prob = Math.exp(logprob);
  if (!bytes?.length) return {kind: 'end', text: '', prob};
  try {
    const text = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(new Uint8Array(bytes));
    return clean(text) === text ? {kind: 'text', text, prob} : {kind: 'part', text: '', prob};
  } catch {
    return {kind: 'part', text: '', prob};
  }
}
