// The model, with the keys and values of what it has read.

export class Engine {
  constructor(session, { seqLength, numLayers, numHeads, headSize, vocabSize }) {
    this.session = session;
    this.seqLength = seqLength;
    this.numLayers = numLayers;
    this.cacheShape = [1, numHeads, 0, headSize];
    this.vocabSize = vocabSize;
    this.reset();
  }

  reset() {
    this.read = [];
    this.past = {};
    for (let number = 0; number < this.numLayers; number++) {
      for (const kind of ["key", "value"]) {
        const name = `past_key_values.${number}.${kind}`;
        this.past[name] = new ort.Tensor("float32", new Float32Array(0), this.cacheShape);
      }
    }
  }

  // Read a prompt and return the logits of the next id; what was read of it already stays read.
  async prefill(ids) {
    const isBegun = this.read.length < ids.length && this.read.every((id, at) => id === ids[at]);
    if (!isBegun) this.reset();
    return this.append(ids.slice(this.read.length));
  }

  // Read one more id; a full context goes on with its later half, which is read anew.
  async decode(id) {
    if (this.read.length < this.seqLength) return this.append([id]);
    const half = [...this.read, id].slice(-Math.floor(this.seqLength / 2));
    this.reset();
    return this.append(half);
  }

  async append(ids) {
    const logits = await this.logits(ids);
    return logits.subarray(logits.length - this.vocabSize);
  }

  // The logits at each position of some more ids, one after the other.
  async logits(ids) {
    const total = this.read.length + ids.length;
    const positions = ids.map((_, at) => BigInt(this.read.length + at));
    const outputs = await this.session.run({
      input_ids: ints(ids.map(BigInt)),
      attention_mask: ints(Array(total).fill(1n)),
      position_ids: ints(positions),
      ...this.past,
    });
    for (const name of Object.keys(this.past)) {
      this.past[name] = outputs[name.replace("past_key_values", "present")];
    }
    this.read.push(...ids);
    return outputs.logits.data;
  }
}

function ints(values) {
  return new ort.Tensor("int64", BigInt64Array.from(values), [1, values.length]);
}
