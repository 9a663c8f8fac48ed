// A chat with the server: what was said, and how a wish changes it. It knows no element of the
// page; who watches is told by `changed`, `grew` and `settled`.

import {ApiError, streamReply} from './api.js';
import {formatRequest, newSession} from './session.js';
import {clean, wellFormed} from './text.js';
import {Units} from './units.js';

export class Conversation {
  session = newSession();
  model = null;
  #units = new WeakMap(); // message → Units
  #abort = null;
  #watcher;

  constructor(watcher) {
    this.#watcher = watcher;
  }

  get messages() {
    return this.session.messages;
  }

  get isBusy() {
    return this.#abort !== null;
  }

  open(session) {
    this.stop();
    this.#abort = null;
    this.session = session;
    this.#watcher.changed();
  }

  /** Return the units of a reply, or undefined where there are none. */
  unitsOf(message) {
    return this.#units.get(message);
  }

  stop() {
    this.#abort?.abort();
  }

  /** Have other messages, such as those that were there before. */
  set(messages) {
    this.session.messages = messages;
    this.session.model = this.model?.lumina?.digest ?? this.session.model;
    this.#watcher.changed();
  }

  /** Say something; a message that has no reply yet gives way to it. */
  say(text) {
    const last = this.messages.at(-1);
    return last?.role === 'user' ? this.edit(last, text) : this.#answer(this.#ask(this.messages, text));
  }

  /** Ask something else instead of a message; what came after it goes. */
  edit(message, text) {
    const before = this.messages;
    return this.#answer(this.#ask(before.slice(0, before.indexOf(message)), text), {before});
  }

  retry() {
    const before = this.messages;
    if (before.at(-1).role === 'user') return this.#answer(before);
    return this.#answer(before.slice(0, -1), {before, otherwise: before});
  }

  goOn() {
    const before = this.messages;
    const last = before.at(-1);
    const units = this.unitsOf(last)?.upTo(Infinity) ?? new Units([{text: last.text, others: []}]);
    return last.text ? this.#answer(before.slice(0, -1), {units, before, otherwise: before}) : this.retry();
  }

  /** Go on from a unit of a reply with another one in its place. */
  choose(message, index, other) {
    const before = this.messages;
    const asked = before.slice(0, before.indexOf(message));
    const units = this.unitsOf(message).upTo(index, other);
    const otherwise = [...asked, this.#reply(units)];
    if (other.kind !== 'end') return this.#answer(asked, {units, before, otherwise});
    this.set(otherwise);
    return this.#watcher.settled({before});
  }

  /** Take back the last message and its reply; return its text. */
  takeBack() {
    const index = this.messages.findLastIndex(({role}) => role === 'user');
    const {text} = this.messages[index];
    this.set(this.messages.slice(0, index));
    return text;
  }

  setSystem(text) {
    const rest = this.messages.filter(({role}) => role !== 'system');
    this.set(text.trim() ? [{role: 'system', text: wellFormed(text)}, ...rest] : rest);
  }

  /**
   * Stream the reply to what was asked. `units` is what it begins with; `before` are messages
   * that can be had back, `otherwise` those that stay where nothing comes.
   */
  async #answer(asked, {units = new Units(), before = null, otherwise = asked} = {}) {
    const abort = (this.#abort = new AbortController());
    const {session} = this;
    const reply = this.#reply(units);
    const start = reply.text;
    const body = formatRequest({...session, messages: start ? [...asked, reply] : asked}, this.model);
    session.num_drawn = String(BigInt(session.num_drawn) + 1n);
    this.set([...asked, reply]);
    const end = await this.#stream(reply, body, abort.signal);
    if (this.#abort !== abort) return; // another chat was opened
    this.#abort = null;
    const hasGrown = reply.text !== start;
    this.set(hasGrown || (end.finish && !start && otherwise === asked) ? [...asked, reply] : otherwise);
    this.#watcher.settled({...end, begun: start, hasGrown, before});
  }

  async #stream(reply, body, signal) {
    let finish = null;
    const notices = new Set();
    try {
      for await (const piece of streamReply(body, signal)) {
        if (signal.aborted) break;
        this.#watcher.waits(piece.place);
        const text = clean(wellFormed(piece.text));
        reply.text += text;
        finish = piece.finish ?? finish;
        for (const notice of piece.notices) notices.add(notice);
        this.unitsOf(reply).add(text, piece.entries);
        this.#watcher.grew(reply);
      }
    } catch (failure) {
      if (!signal.aborted) return {failure: failure instanceof ApiError ? failure : new ApiError('refused', String(failure))};
    }
    return {finish, notices: [...notices]};
  }

  #ask(before, text) {
    return [...before, {role: 'user', text: wellFormed(text)}];
  }

  #reply(units) {
    const reply = {role: 'bot', text: units.text};
    this.#units.set(reply, units);
    return reply;
  }
}
