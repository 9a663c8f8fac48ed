// The model: a causal Transformer, as core/model/transformer.py has it, traced.
//
// T positions, C hidden size, H heads, D head size, V vocabulary. Matrices are flat, row by row.

import { softmax } from "./sampler.js";

const THETA = 10_000; // of both kinds of positions
const EPSILON = 1e-5; // of LayerNorm
const GELU_SCALE = Math.sqrt(2 / Math.PI);

export class Transformer {
  /** `facts` as browser/model_json.py tells them, `weights` by name: Float32Array. */
  constructor(facts, weights) {
    Object.assign(this, facts); // seqLength, hiddenSize, numLayers, numHeads, headSize, vocabSize
    this.weights = weights;
    const width = this.positionEncoding === "rotary" ? this.headSize : this.hiddenSize;
    this.waves = waves(this.seqLength, width);
  }

  /**
   * Read ids (at most seqLength) and return what was computed.
   *
   * `earlier`: a plain pass, from which the rows are taken that are the same.
   * `hidden`: a position that those behind it don't look at; the last one is emptied instead.
   * `off`: heads, as [layer, head].
   */
  read(ids, { earlier = null, hidden = -1, off = [] } = {}) {
    return new Pass(this, ids, { earlier: off.length ? null : earlier, hidden, off });
  }

  weight(layer, name) {
    return this.weights[`h.${layer}.${name}`];
  }

  linear(layer, name, x, numRows) {
    return linear(x, this.weight(layer, `${name}.weight`), this.weight(layer, `${name}.bias`), numRows);
  }

  norm(layer, name, x, numRows) {
    const [weight, bias] = [this.weight(layer, `${name}.weight`), this.weight(layer, `${name}.bias`)];
    return layerNorm(x, weight, bias, numRows);
  }

  /** The embedding of ids, and what tells where they stand, (T, C); one position may have the latter alone. */
  embed(ids, first, emptied) {
    const { hiddenSize: C, waves, weights } = this;
    const x = new Float32Array(ids.length * C);
    const scale = Math.sqrt(C);
    ids.forEach((id, t) => {
      const own = first + t === emptied ? 0 : scale;
      for (let c = 0; c < C; c++) {
        const position = this.positionEncoding === "rotary" ? 0 : waves[(first + t) * C + c];
        x[t * C + c] = weights["wte.weight"][id * C + c] * own + position;
      }
    });
    return x;
  }

  /** Turn each pair of neighbours in the heads of a row by the angle of its position. */
  rotate(row, position) {
    if (this.positionEncoding !== "rotary") return;
    const { headSize: D, waves } = this;
    for (let c = 0; c < row.length; c += 2) {
      const at = position * D + (c % D);
      const [sin, cos] = [waves[at], waves[at + 1]];
      const [even, odd] = [row[c], row[c + 1]];
      row[c] = even * cos - odd * sin;
      row[c + 1] = even * sin + odd * cos;
    }
  }
}

/** What was computed of some ids: states after each layer, and what attention had. */
export class Pass {
  constructor(model, ids, { earlier, hidden, off }) {
    this.model = model;
    this.ids = ids;
    this.hidden = hidden;
    this.off = off;
    const { numLayers: L, hiddenSize: C } = model;
    const first = earlier ? numShared(earlier, ids, hidden) : 0;
    const rows = (before) => {
      const all = new Float32Array(ids.length * C);
      if (first) all.set(before.subarray(0, first * C));
      return all;
    };
    this.states = Array.from({ length: L + 1 }, (_, l) => rows(earlier?.states[l])); // (T, C) each
    for (const name of ["queries", "keys", "values"]) {
      this[name] = Array.from({ length: L }, (_, l) => rows(earlier?.[name][l]));
    }
    const emptied = hidden === ids.length - 1 ? hidden : -1;
    this.states[0].set(model.embed(ids.slice(first), first, emptied), first * C);
    for (let layer = 0; layer < L; layer++) this.compute(layer, first);
  }

  /** One layer, from a position on. */
  compute(layer, first) {
    const { model, states } = this;
    const C = model.hiddenSize;
    const numRows = this.ids.length - first;
    const x = states[layer].slice(first * C);
    const qkv = model.linear(layer, "attn.c_attn", model.norm(layer, "ln_1", x, numRows), numRows);
    this.split(layer, first, qkv);
    add(x, model.linear(layer, "attn.c_proj", this.attend(layer, first), numRows));
    const wide = model.linear(layer, "mlp.c_fc", model.norm(layer, "ln_2", x, numRows), numRows);
    add(x, model.linear(layer, "mlp.c_proj", wide.map(gelu), numRows));
    states[layer + 1].set(x, first * C);
  }

  split(layer, first, qkv) {
    const C = this.model.hiddenSize;
    for (let at = 0, t = first; at < qkv.length; at += 3 * C, t++) {
      ["queries", "keys", "values"].forEach((name, number) => {
        const row = qkv.subarray(at + number * C, at + (number + 1) * C);
        if (name !== "values") this.model.rotate(row, t);
        this[name][layer].set(row, t * C);
      });
    }
  }

  /** What each position gathers, heads side by side. */
  attend(layer, first) {
    const { hiddenSize: C, numHeads: H, headSize: D } = this.model;
    const y = new Float32Array((this.ids.length - first) * C);
    const values = this.values[layer];
    for (let head = 0; head < H; head++) {
      if (this.off.some(([l, h]) => l === layer && h === head)) continue;
      for (let t = first; t < this.ids.length; t++) {
        const row = this.attention(layer, head, t);
        const out = (t - first) * C + head * D;
        for (let s = 0; s <= t; s++) {
          const [share, from] = [row[s], s * C + head * D];
          for (let d = 0; d < D; d++) y[out + d] += share * values[from + d];
        }
      }
    }
    return y;
  }

  /** How much a head at position t looks at each position up to it, (t + 1): they sum to 1. */
  attention(layer, head, t) {
    const { hiddenSize: C, headSize: D } = this.model;
    const [queries, keys] = [this.queries[layer], this.keys[layer]];
    const scores = new Float64Array(t + 1);
    const query = t * C + head * D;
    for (let s = 0; s <= t; s++) {
      const key = s * C + head * D;
      let sum = 0;
      for (let d = 0; d < D; d++) sum += queries[query + d] * keys[key + d];
      scores[s] = s === this.hidden && s < t ? -Infinity : sum / Math.sqrt(D);
    }
    return softmax(scores);
  }

  /** The logits at a position, (V), read after a layer; without one after the last. */
  logits(t, layer = this.model.numLayers) {
    const { hiddenSize: C, weights } = this.model;
    const state = this.states[layer].subarray(t * C, (t + 1) * C);
    const y = layerNorm(state, weights["ln_f.weight"], weights["ln_f.bias"], 1);
    return linear(y, weights["lm_head.weight"], null, 1);
  }
}

/** How many rows of an earlier pass are those of these ids, too. */
function numShared(earlier, ids, hidden) {
  const differs = ids.findIndex((id, t) => id !== earlier.ids[t]);
  const same = differs < 0 ? ids.length : differs;
  if (hidden < 0) return same;
  return Math.min(same, hidden === ids.length - 1 ? hidden : hidden + 1);
}

/** Sines (even columns) and cosines (odd columns) of each position. */
function waves(seqLength, width) {
  const table = new Float32Array(seqLength * width);
  for (let t = 0; t < seqLength; t++) {
    for (let c = 0; c < width; c += 2) {
      const angle = t * Math.exp((-c * Math.log(THETA)) / width);
      table[t * width + c] = Math.sin(angle);
      table[t * width + c + 1] = Math.cos(angle);
    }
  }
  return table;
}

function layerNorm(x, weight, bias, numRows) {
  const C = weight.length;
  const out = new Float32Array(numRows * C);
  for (let begin = 0; begin < out.length; begin += C) {
    const row = x.subarray(begin, begin + C);
    const mean = row.reduce((sum, value) => sum + value, 0) / C;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / C;
    const scale = 1 / Math.sqrt(variance + EPSILON);
    for (let c = 0; c < C; c++) out[begin + c] = (row[c] - mean) * scale * weight[c] + bias[c];
  }
  return out;
}

/** x (T, in) by a matrix (out, in): four columns at once, as a processor has four hands. */
function linear(x, weight, bias, numRows) {
  const numIn = x.length / numRows;
  const numOut = weight.length / numIn;
  const out = new Float32Array(numRows * numOut);
  for (let o = 0; o < numOut; o += 4) {
    const [w0, w1, w2, w3] = [0, 1, 2, 3].map((more) => Math.min(o + more, numOut - 1) * numIn);
    for (let t = 0; t < numRows; t++) {
      const begin = t * numIn;
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let i = 0; i < numIn; i++) {
        const value = x[begin + i];
        a += value * weight[w0 + i];
        b += value * weight[w1 + i];
        c += value * weight[w2 + i];
        d += value * weight[w3 + i];
      }
      const at = t * numOut + o;
      out[at] = a;
      if (o + 1 < numOut) out[at + 1] = b;
      if (o + 2 < numOut) out[at + 2] = c;
      if (o + 3 < numOut) out[at + 3] = d;
    }
  }
  if (bias) for (let at = 0; at < out.length; at++) out[at] += bias[at % numOut];
  return out;
}

function add(x, y) {
  for (let at = 0; at < x.length; at++) x[at] += y[at];
}

function gelu(x) {
  return 0.5 * x * (1 + Math.tanh(GELU_SCALE * (x + 0.044715 * x * x * x)));
}
