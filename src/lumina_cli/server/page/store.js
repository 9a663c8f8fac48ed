// The chats that the browser keeps: each under a key of its own, as the text of its file.

import {formatSession, parseSession} from './session.js';
import {oneLine} from './text.js';

const CHAT = 'lumina.chat.';
const TITLE_CHARS = 60;

/** Return the name of a new chat; later ones come later in the alphabet. */
export function newId() {
  const random = crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
  return `${Date.now().toString(36).padStart(9, '0')}-${random}`;
}

/** Return the chats, newest first; what can't be read is passed over and stays. */
export function listChats() {
  const ids = keys().filter((key) => key.startsWith(CHAT)).map((key) => key.slice(CHAT.length));
  const chats = ids.sort().reverse().map((id) => ({id, session: readChat(id)}));
  return chats.filter(({session}) => session).map(({id, session}) => ({id, title: titleOf(session)}));
}

/** Return a chat, or null. */
export function readChat(id) {
  try {
    return parseSession(read(CHAT + id));
  } catch {
    return null;
  }
}

/** Keep a chat; return whether there was room. */
export const writeChat = (id, session) => write(CHAT + id, formatSession(session));

export const removeChat = (id) => localStorage.removeItem(CHAT + id);

/** Return the name of the chat that a key of the storage belongs to, or null. */
export const idOfKey = (key) => (key?.startsWith(CHAT) ? key.slice(CHAT.length) : null);

/** Return how a chat is called: as what was said first. */
export function titleOf(session) {
  return oneLine(session.messages.find(({role}) => role === 'user')?.text ?? '', TITLE_CHARS);
}

/** Return something that is remembered from visit to visit, or null. */
export function recall(name) {
  try {
    return JSON.parse(read('lumina.' + name));
  } catch {
    return null;
  }
}

export const remember = (name, value) => write('lumina.' + name, JSON.stringify(value));

function keys() {
  try {
    return Object.keys(localStorage);
  } catch {
    return []; // the browser keeps nothing for this page
  }
}

const read = (key) => localStorage.getItem(key);

function write(key, text) {
  try {
    localStorage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}
