// Text to ids and back: as lumina's tokenizer of characters does it.

const SECOND_BYTE = {
  0xe0: [0xa0, 0xbf], // no longer spelling than needed
  0xed: [0x80, 0x9f], // no surrogates
  0xf0: [0x90, 0xbf],
  0xf4: [0x80, 0x8f],
};

export class Tokenizer {
  constructor({ texts, firstByte, special }) {
    this.texts = texts;
    this.firstByte = firstByte;
    this.firstText = firstByte + 256;
    this.special = special;
    this.ids = new Map(texts.map((text, index) => [text, this.firstText + index]));
    this.bytesOf = new TextEncoder();
  }

  encode(text) {
    const ids = [];
    for (const char of text.toWellFormed()) {
      const id = this.ids.get(char);
      if (id !== undefined) ids.push(id);
      else for (const byte of this.bytesOf.encode(char)) ids.push(this.firstByte + byte);
    }
    return ids;
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
