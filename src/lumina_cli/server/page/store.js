// What the browser keeps: each chat under a key of its own, as the text of its file.

import {formatSession, newSeed, parseSession} from './session.js';
import {oneLine} from './text.js';

const CHAT = 'lumina.chat.';
const TITLE_CHARS = 60;

/** Return the name of a new chat; later ones come later in the alphabet. */
export const newId = () => `${Date.now().toString(36).padStart(9, '0')}-${newSeed()}`;

/** Return the chats, newest first; what can't be read is passed over and stays. */
export function listChats() {
  const ids = attempt(() => Object.keys(localStorage), []).map(idOfKey).filter(Boolean).sort().reverse();
  const chats = ids.map((id) => ({id, session: readChat(id)}));
  return chats.filter(({session}) => session).map(({id, session}) => ({id, title: titleOf(session)}));
}

export const readChat = (id) => attempt(() => parseSession(localStorage.getItem(CHAT + id)));

export const writeChat = (id, session) => write(CHAT + id, formatSession(session));

export const removeChat = (id) => attempt(() => localStorage.removeItem(CHAT + id));

export const idOfKey = (key) => (key?.startsWith(CHAT) ? key.slice(CHAT.length) : null);

export const titleOf = ({messages}) => oneLine(messages.find(({role}) => role === 'user')?.text ?? '', TITLE_CHARS);

export const recall = (name) => attempt(() => JSON.parse(localStorage.getItem('lumina.' + name)));

export const remember = (name, value) => write('lumina.' + name, JSON.stringify(value));

/** Return what is remembered until this tab is closed, or null. */
export const recallInTab = (name) => attempt(() => sessionStorage.getItem('lumina.' + name));

export const rememberInTab = (name, text) => attempt(() => sessionStorage.setItem('lumina.' + name, text));

const write = (key, text) => attempt(() => localStorage.setItem(key, text) ?? true, false);

/** Return what a function returns; a browser may keep nothing for this page, or no more. */
function attempt(act, otherwise = null) {
  try {
    return act();
  } catch {
    return otherwise;
  }
}
