// The views of look/*.py, computed in the page: `ask` takes their requests and returns their answers.

import { piecesOf, read } from "./reading.js";
import { distribution, sample, softmax } from "./sampler.js";

const NUM_SPECIAL = 6;
const NUM_CANDIDATES = 20;
const NUM_GUESSES = 5;
const NUM_LEAST_SURE = 10;
const MAX_HIDDEN = 128;
const MAX_CHARACTERS = 96;
const DRAW_MS = 100; // between two looks at what was computed so far

export class LivingModel {
  /** `loaded`: {model, tokenizer}; `lossOn`: whose words were learnt. */
  constructor({ model, tokenizer }, { lossOn }) {
    Object.assign(this, { model, tokenizer, lossOn });
    this.views = {
      next: (request) => this.next(request),
      surprise: (request) => this.surprise(request),
      matters: (request, onPart) => this.matters(request, onPart),
      layers: (request) => this.layers(request),
      heads: (request) => this.heads(request),
      characters: () => this.characters(),
    };
  }

  /** Return a view; `onPart` is called with what is known so far, and ends it by returning false. */
  async ask(request, onPart = () => true) {
    const { view, draw_reply, messages = [] } = request;
    if (!draw_reply || !messages.length || messages.at(-1).role === "bot") return this.views[view](request, onPart);
    const reply = await this.reply(request, onPart);
    return this.views[view]({ ...request, messages: [...messages, { role: "bot", text: reply }] }, onPart);
  }

  async reply(request, onPart) {
    const { special } = this.tokenizer;
    const settings = { ...this.model.sampling, ...request.sampling };
    const decoder = this.tokenizer.streamDecoder();
    const recent = read(request, this).ids;
    let ids = recent.slice(-this.model.seqLength);
    let text = "";
    let pass = null;
    while (text.length < settings.max_chars && onPart(null)) {
      pass = this.pass(ids, pass);
      const allows = (id) => decoder.allows(id);
      const id = sample(pass.logits(pass.ids.length - 1), { settings, allows, recent, numSpecial: NUM_SPECIAL });
      if (id === special.end) break;
      text += decoder.decode(id);
      recent.push(id);
      ids.push(id); // a full context goes on with its later half
      if (ids.length > this.model.seqLength) ids = ids.slice(-Math.floor(this.model.seqLength / 2));
      await breathe();
    }
    return text;
  }

  /** Read ids, of too many the end. */
  pass(ids, earlier = this.last) {
    this.last = this.model.read(ids.slice(-this.model.seqLength), { earlier });
    return this.last;
  }

  guesses(probs) {
    return largest(probs, NUM_GUESSES).map((id) => ({ id, label: this.tokenizer.describe(id), prob: probs[id] }));
  }

  next(request) {
    const reading = read(request, this);
    const pass = this.pass(reading.ids);
    const logits = pass.logits(pass.ids.length - 1);
    const settings = { ...this.model.sampling, ...request.sampling };
    const decoder = this.tokenizer.streamDecoder();
    const allows = (id) => decoder.allows(id);
    const probs = softmax(Float64Array.from(logits));
    const drawn = distribution(logits, { settings, allows, recent: pass.ids, numSpecial: NUM_SPECIAL });
    const shown = new Set([...largest(probs, NUM_CANDIDATES), ...largest(drawn, NUM_CANDIDATES).filter((id) => drawn[id])]);
    const ordered = [...shown].sort((one, other) => probs[other] - probs[one]);
    return {
      view: "next",
      text: piecesOf(reading, this, reading.ids.length - pass.ids.length),
      candidates: ordered.map((id) => ({ id, label: this.tokenizer.describe(id), prob: probs[id], drawn: drawn[id] })),
      rest_prob: Math.max(0, 1 - ordered.reduce((sum, id) => sum + probs[id], 0)),
      num_kept: drawn.reduce((num, prob) => num + (prob > 0), 0),
      held: "",
      sampling: settings,
    };
  }

  async surprise(request) {
    const reading = read(request, this);
    const { ids, counted } = reading;
    const [nats, expected] = [[null], [[]]];
    const size = this.model.seqLength;
    for (let start = 0; start < ids.length - 1; start += size) { // windows as of lumina eval
      const pass = this.pass(ids.slice(start, Math.min(start + size, ids.length - 1)));
      pass.ids.forEach((_, t) => {
        const probs = softmax(Float64Array.from(pass.logits(t)));
        nats.push(-Math.log(probs[ids[start + t + 1]]));
        expected.push(this.guesses(probs));
      });
      await breathe();
    }
    const text = piecesOf(reading, this);
    const told = ids.map((_, t) => t).filter((t) => t && counted[t] && ids[t] >= NUM_SPECIAL);
    const isBegun = (id) => !this.tokenizer.isContinuation(id); // a character in bytes counts where it begins
    const numChars = told.reduce((sum, t) => sum + (ids[t] < this.tokenizer.firstText ? +isBegun(ids[t]) : [...text.pieces[t].text].length), 0);
    return {
      view: "surprise", text, nats, expected,
      nats_per_char: numChars ? told.reduce((sum, t) => sum + nats[t], 0) / numChars : null,
      num_chars: numChars,
      least_sure: told.toSorted((one, other) => nats[other] - nats[one]).slice(0, NUM_LEAST_SURE),
    };
  }

  /** Where it was least sure of what it learnt, if there is such a place. */
  async leastSure(request) {
    const { least_sure: places, text } = await this.surprise(request);
    return places[0] ?? text.pieces.length - 1;
  }

  /** What is read to predict the piece that is asked for. */
  async before(request) {
    const reading = read(request, this);
    if (reading.ids.length < 2) throw new Error("there is no text to look into");
    const at = request.at ?? (await this.leastSure(request));
    const start = Math.max(0, at - this.model.seqLength);
    return { reading, at, start, ids: reading.ids.slice(start, at) };
  }

  async matters(request, onPart) {
    const { reading, at: target, start, ids } = await this.before(request);
    const id = reading.ids[target];
    const plain = this.pass(ids);
    const probs = softmax(Float64Array.from(plain.logits(ids.length - 1)));
    const logprob = Math.log(probs[id]);
    const first = Math.max(0, ids.length - MAX_HIDDEN);
    const view = {
      view: "matters", text: piecesOf(reading, this, start), target: target - start, logprob,
      deltas: ids.map(() => null), first_hidden: first, delta_before: null, curve: [], guesses: this.guesses(probs),
    };
    for (const size of sizes(ids.length)) {
      view.curve.push({ num_ids: size, logprob: logprobOf(this.model.read(ids.slice(-size)), id) });
    }
    let drawn = performance.now();
    for (let at = ids.length - 1; at >= first; at--) { // the nearest first: they are quick
      view.deltas[at] = logprob - logprobOf(this.model.read(ids, { earlier: plain, hidden: at }), id);
      if (performance.now() - drawn < DRAW_MS) continue;
      if (!onPart(view)) break;
      await breathe();
      drawn = performance.now();
    }
    return view;
  }

  layers(request) {
    const reading = read(request, this);
    const pass = this.pass(reading.ids);
    const start = reading.ids.length - pass.ids.length;
    const layers = pass.states.map((_, layer) => pass.ids.map((_, t) => softmax(Float64Array.from(pass.logits(t, layer)))));
    const top = layers.map((rows) => rows.map((probs) => largest(probs, NUM_GUESSES)));
    return {
      view: "layers",
      text: piecesOf(reading, this, start),
      top_ids: top,
      top_probs: top.map((rows, layer) => rows.map((ids, t) => ids.map((id) => layers[layer][t][id]))),
      actual_probs: layers.map((rows) => rows.map((probs, t) => probs[pass.ids[t + 1]] ?? null)),
      labels: Object.fromEntries(top.flat(2).map((id) => [id, this.tokenizer.describe(id)])),
    };
  }

  async heads(request) {
    const { numLayers, numHeads } = this.model;
    const { reading, at, start, ids } = await this.before(request);
    const last = ids.length - 1;
    const pass = this.pass(ids);
    const probs = softmax(Float64Array.from(pass.logits(last)));
    const target = reading.ids[at] ?? largest(probs, 1)[0];
    const without = (off) => this.model.read(ids, { off });
    const each = (act) => Array.from({ length: numLayers }, (_, layer) => Array.from({ length: numHeads }, (_, head) => act(layer, head)));
    const deltas = each(() => null);
    for (const [layer, row] of deltas.entries()) {
      for (const head of row.keys()) {
        row[head] = Math.log(probs[target]) - logprobOf(without([[layer, head]]), target);
        await breathe();
      }
    }
    const off = request.off ?? [];
    return {
      view: "heads", text: piecesOf(reading, this, start), position: last,
      target_id: target, target_label: this.tokenizer.describe(target),
      rows: each((layer, head) => Array.from(pass.attention(layer, head, last))),
      deltas, off, guesses: this.guesses(probs),
      guesses_off: this.guesses(off.length ? softmax(Float64Array.from(without(off).logits(last))) : probs),
    };
  }

  characters() {
    const C = this.model.hiddenSize;
    const weight = this.model.weights["lm_head.weight"];
    const { firstText, texts } = this.tokenizer;
    const known = texts.map((text, index) => [text, firstText + index]).filter(([text]) => [...text].length === 1);
    known.sort(([one], [other]) => one.codePointAt(0) - other.codePointAt(0));
    const rowOf = (id) => Float64Array.from(weight.subarray(id * C, (id + 1) * C));
    const mean = new Float64Array(C);
    for (const [, id] of known) rowOf(id).forEach((value, c) => (mean[c] += value / known.length));
    const shown = known.slice(0, MAX_CHARACTERS);
    const units = shown.map(([, id]) => unit(rowOf(id).map((value, c) => value - mean[c])));
    const cosines = units.map((one) => units.map((other) => Math.max(-1, Math.min(1, dot(one, other)))));
    const order = chain(cosines);
    const labels = order.map((n) => shown[n][0]);
    const similarity = order.map((n) => order.map((m) => cosines[n][m]));
    return {
      view: "characters", ids: order.map((n) => shown[n][1]), labels, similarity,
      neighbours: similarity.map((row, own) => {
        const near = largest(row, NUM_GUESSES + 1).filter((n) => n !== own).slice(0, NUM_GUESSES);
        return { labels: near.map((n) => labels[n]), similarities: near.map((n) => row[n]) };
      }),
      num_left_out: known.length - shown.length,
    };
  }
}

const logprobOf = (pass, id) => Math.log(softmax(Float64Array.from(pass.logits(pass.ids.length - 1)))[id]);

const dot = (one, other) => one.reduce((sum, value, at) => sum + value * other[at], 0);

const unit = (row) => row.map((value) => value / Math.max(Math.sqrt(dot(row, row)), 1e-12));

/** Where the largest values stand, the largest first; of equal ones the first. */
function largest(values, num) {
  const order = Array.from(values.keys()).sort((one, other) => values[other] - values[one] || one - other);
  return order.slice(0, num);
}

/** Lengths of context, ever longer: 1, 2, 3, 4, 6, 8, 12, 16, … and all. */
function sizes(numIds) {
  const found = new Set([numIds]);
  for (let size = 1; size < numIds; size *= 2) [size, (3 * size) / 2].forEach((one) => found.add(Math.floor(one)));
  return [...found].filter((size) => size <= numIds).sort((one, other) => one - other);
}

/** An order in which each stands beside the most alike that is left. */
function chain(cosines) {
  const left = new Set(cosines.keys());
  const order = [];
  for (let at = 0; left.size; at = largest([...left].map((n) => cosines[at][n]), 1).map((n) => [...left][n])[0]) {
    order.push(at);
    left.delete(at);
    if (!left.size) break;
  }
  return order;
}

/** Let clicks and drawing have their turn; timers would be slowed down by the browser. */
function breathe() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
}
