// A chat: what was said, what of it fits into the model, and replies as they come.

import { sample } from "./sampler.js";

const NUM_SPECIAL = 6;

export class Chat {
  constructor(engine, tokenizer) {
    this.engine = engine;
    this.tokenizer = tokenizer;
    this.messages = [];
    this.isCut = false;
  }

  // The prompt for the next reply; the oldest turns go, and of a too long message its beginning.
  prompt() {
    const { seqLength } = this.engine;
    let kept = this.messages;
    let ids = this.tokenizer.encodePrompt(kept);
    const most = ids.length > seqLength ? Math.floor(seqLength * 0.75) : seqLength;
    while (ids.length > most && kept.length > 2) {
      kept = kept.slice(2);
      ids = this.tokenizer.encodePrompt(kept);
    }
    if (ids.length <= most) return { ids, isCut: kept !== this.messages };
    const { begin, user, end, bot } = this.tokenizer.special;
    const said = this.tokenizer.encode(kept.at(-1).text).slice(4 - most);
    while (said.length && this.tokenizer.isContinuation(said[0])) said.shift(); // half a character
    return { ids: [begin, user, ...said, end, bot], isCut: true };
  }

  // Yield the pieces of the reply to a text; it is kept as far as it came.
  async *say(text, { settings, isStopped }) {
    this.messages.push({ role: "user", text });
    const reply = { role: "bot", text: "" };
    const { ids, isCut } = this.prompt();
    this.isCut = isCut;
    try {
      for await (const piece of this.pieces(ids, { settings, isStopped })) {
        reply.text += piece;
        yield piece;
      }
    } finally {
      this.messages.push(reply); // whatever happened: turns are pairs
    }
  }

  async *pieces(ids, { settings, isStopped }) {
    const decoder = this.tokenizer.streamDecoder();
    const allows = (id) => decoder.allows(id);
    const recent = [...ids];
    let logits = await this.engine.prefill(ids);
    for (let numChars = 0; numChars < settings.max_chars && !isStopped(); ) {
      const id = sample(logits, { settings, allows, recent, numSpecial: NUM_SPECIAL });
      if (id === this.tokenizer.special.end) return;
      const chars = [...decoder.decode(id)].slice(0, settings.max_chars - numChars);
      numChars += chars.length;
      recent.push(id);
      yield chars.join("");
      logits = await this.engine.decode(id);
    }
  }

  clear() {
    this.messages = [];
  }
}
