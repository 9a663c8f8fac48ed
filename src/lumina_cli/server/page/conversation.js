// A chat with the server: what was said, and what a wish changes in it. It knows no element of
// the page; whoever watches is told by `changed`, `grew` and `settled`.

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

  /** Go on with another chat. */
  open(session) {
    this.stop();
    this.session = session;
    this.#watcher.changed();
  }

  /** Return the units of a reply, or undefined where there are none. */
  unitsOf(message) {
    return this.#units.get(message);
  }

  /** Put back messages that were there before. */
  restore(messages) {
    this.stop();
    this.#set(messages);
  }

  stop() {
    this.#abort?.abort();
  }

  /** Say something; a message that has no reply yet gives way to it. */
  say(text) {
    const before = this.messages;
    const isUnanswered = before.at(-1)?.role === 'user';
    const asked = [...(isUnanswered ? before.slice(0, -1) : before), {role: 'user', text: wellFormed(text)}];
    return this.#answer(asked, {otherwise: asked, before: isUnanswered ? before : null});
  }

  /** Answer the last message anew. */
  retry() {
    const before = this.messages;
    const hasReply = before.at(-1).role === 'bot';
    return this.#answer(hasReply ? before.slice(0, -1) : before, {otherwise: before, before: hasReply ? before : null});
  }

  /** Go on with the last reply where it ends. */
  goOn() {
    const before = this.messages;
    const reply = {...before.at(-1)};
    if (!reply.text) return this.retry();
    this.#units.set(reply, this.unitsOf(before.at(-1))?.upTo(Infinity) ?? plain(reply.text));
    return this.#answer(before.slice(0, -1), {reply, otherwise: before, before});
  }

  /** Ask something else instead of a message; what came after it goes. */
  edit(message, text) {
    const before = this.messages;
    const asked = [...before.slice(0, before.indexOf(message)), {role: 'user', text: wellFormed(text)}];
    return this.#answer(asked, {otherwise: asked, before});
  }

  /** Go on from a unit of a reply with another one in its place. */
  choose(message, index, other) {
    const before = this.messages;
    const units = this.unitsOf(message).upTo(index, other.kind === 'end' ? null : other);
    const reply = {role: 'bot', text: units.list.map(({text}) => text).join('')};
    const asked = before.slice(0, before.indexOf(message));
    this.#units.set(reply, units);
    const messages = [...asked, reply];
    if (other.kind !== 'end') return this.#answer(asked, {reply, otherwise: messages, before});
    this.#set(messages);
    return this.#watcher.settled({before});
  }

  /** Take back the last message and its reply; return the message's text. */
  takeBack() {
    const index = this.messages.findLastIndex(({role}) => role === 'user');
    const {text} = this.messages[index];
    this.#set(this.messages.slice(0, index));
    return text;
  }

  /** Set the system message, or remove it if it is empty. */
  setSystem(text) {
    const rest = this.messages.filter(({role}) => role !== 'system');
    this.#set(text ? [{role: 'system', text: wellFormed(text)}, ...rest] : rest);
  }

  /**
   * Stream the reply to `asked`. Where nothing comes, the messages are `otherwise`; `before`
   * is what can be restored.
   */
  async #answer(asked, {reply = {role: 'bot', text: ''}, otherwise, before}) {
    const abort = (this.#abort = new AbortController());
    const session = this.session;
    const length = reply.text.length;
    if (!this.#units.has(reply)) this.#units.set(reply, new Units());
    this.#set(asked);
    const body = formatRequest({...session, messages: length ? [...asked, reply] : asked}, this.model.id);
    this.#set([...asked, reply]);
    session.num_drawn = String(BigInt(session.num_drawn) + 1n);
    const {failure, finish} = await this.#stream(reply, body, abort);
    if (this.session !== session || this.#abort !== abort) return; // another chat was opened
    this.#abort = null;
    const hasGrown = reply.text.length > length;
    const isWhole = !failure && finish !== null;
    this.#set(hasGrown || (isWhole && !length) ? [...asked, reply] : otherwise);
    this.#watcher.settled({failure, finish, hasGrown, before});
  }

  async #stream(reply, body, abort) {
    let finish = null;
    try {
      for await (const piece of streamReply(body, abort.signal)) {
        if (abort.signal.aborted) break;
        const text = clean(wellFormed(piece.text));
        reply.text += text;
        finish = piece.finish ?? finish;
        this.unitsOf(reply).add(text, piece.entries);
        this.#watcher.grew(reply);
      }
    } catch (failure) {
      if (!abort.signal.aborted) return {failure: failure instanceof ApiError ? failure : new ApiError('broken', String(failure)), finish};
    }
    return {failure: null, finish: abort.signal.aborted ? null : finish};
  }

  #set(messages) {
    this.session.messages = messages;
    this.session.model = this.model?.lumina?.digest ?? this.session.model;
    this.#watcher.changed();
  }
}

/** Return units of which nothing is known. */
function plain(text) {
  const units = new Units();
  units.list.push({text, others: []});
  return units;
}
