// Text to ids and back: as lumina's tokenizers do it.

const SECOND_BYTE = {
  0xe0: [0xa0, 0xbf], // no longer spelling than needed
  0xed: [0x80, 0x9f], // no surrogates
  0xf0: [0x90, 0xbf],
  0xf4: [0x80, 0x8f],
};

// One number for two ids, which are below 2 ** 16.
const pairOf = (left, right) => left * 65536 + right;

export class Tokenizer {
  constructor({ texts, merges, splitPattern, firstByte, special }) {
    this.texts = texts;
    this.firstByte = firstByte;
    this.firstText = firstByte + 256;
    this.special = special;
    this.ids = new Map(texts.map((text, index) => [text, this.firstText + index]));
    this.bytesOf = new TextEncoder();
    this.words = splitPattern && new RegExp(splitPattern, "gu");
    this.ranks = new Map(
      merges.map(([left, right], rank) => [pairOf(this.ids.get(left), this.ids.get(right)), rank]),
    );
    this.merged = merges.map(([left, right]) => this.ids.get(left + right));
  }

  encode(text) {
    const whole = text.toWellFormed();
    const words = this.words ? (whole.match(this.words) ?? []) : [whole];
    const ids = [];
    for (const word of words) for (const id of this.merge(this.spell(word))) ids.push(id);
    return ids;
  }

  // The characters of a word; one that has no id in its bytes.
  spell(word) {
    const ids = [];
    for (const char of word) {
      const id = this.ids.get(char);
      if (id !== undefined) ids.push(id);
      else for (const byte of this.bytesOf.encode(char)) ids.push(this.firstByte + byte);
    }
    return ids;
  }

  // Of all neighbours in a word those that were learnt first become one, again and again.
  merge(ids) {
    if (!this.ranks.size) return ids;
    for (;;) {
      const ranks = ids.map((id, at) => this.ranks.get(pairOf(id, ids[at + 1])) ?? Infinity);
      const first = Math.min(...ranks);
      if (first === Infinity) return ids;
      const merged = [];
      for (let at = 0; at < ids.length; at++) {
        merged.push(ranks[at] === first ? this.merged[first] : ids[at]);
        if (ranks[at] === first) at++;
      }
      ids = merged;
    }
  }

  isContinuation(id) {
    const byte = id - this.firstByte;
    return byte >= 0x80 && byte < 0xc0;
  }

  // The ids of a whole message, and those of a prompt: what was said, then whose turn it is.
  encodeMessage({ role, text }) {
    return [this.special[role], ...this.encode(text), this.special.end];
  }

  encodePrompt(messages) {
    const said = messages.flatMap((message) => this.encodeMessage(message));
    return [this.special.begin, ...said, this.special.bot];
  }

  // How an id is shown to a person.
  describe(id) {
    if (id >= this.firstText) return this.texts[id - this.firstText];
    if (id >= this.firstByte) return `<${(id - this.firstByte).toString(16).toUpperCase().padStart(2, "0")}>`;
    return `<|${Object.keys(this.special).find((name) => this.special[name] === id)}|>`;
  }

  streamDecoder() {
    return new StreamDecoder(this);
  }
}

// Turns ids into text one at a time; half a character is held back until it is whole.
export class StreamDecoder {
  constructor(tokenizer) {
    this.tokenizer = tokenizer;
    this.pending = [];
  }

  // Whether an id may come next, so that the text stays valid UTF-8 and no tag is said.
  allows(id) {
    const { firstByte, firstText, special } = this.tokenizer;
    const byte = id - firstByte;
    if (this.pending.length) {
      const narrowed = this.pending.length === 1 && SECOND_BYTE[this.pending[0]];
      const [low, high] = narrowed || [0x80, 0xbf];
      return byte >= low && byte <= high && id < firstText;
    }
    if (id < firstByte) return id === special.end;
    return id >= firstText || byte < 0x80 || (byte >= 0xc2 && byte <= 0xf4);
  }

  // The text that an id completes: empty within a character.
  decode(id) {
    const { firstByte, firstText, texts } = this.tokenizer;
    if (id >= firstText) return texts[id - firstText];
    if (id < firstByte) return "";
    this.pending.push(id - firstByte);
    const lead = this.pending[0];
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (this.pending.length < length) return "";
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(this.pending));
    this.pending = [];
    return text;
  }
}
