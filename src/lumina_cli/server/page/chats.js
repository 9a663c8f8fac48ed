// The list of the chats that are kept, and chats in files.

import {$, make, makeButton} from './dom.js';
import {formatSession, parseSession} from './session.js';
import {listChats} from './store.js';
import {t} from './strings.js';

const MAX_FILE_BYTES = 64_000_000;

/** Draw the list; `open` and `remove` are called with the name of a chat. */
export function drawChats({current, open, remove}) {
  const chats = listChats();
  $('no-chats').hidden = chats.length > 0;
  $('chat-list').replaceChildren(...chats.map(({id, title}) => {
    const name = make('bdi', {text: title || t('newChat')});
    const choose = makeButton(name, () => open(id), 'chat');
    choose.ariaCurrent = String(id === current);
    const cross = makeButton('×', () => remove(id), 'icon');
    cross.ariaLabel = cross.title = t('remove', {title: name.textContent});
    return make('li', {}, choose, cross);
  }));
}

export function saveFile(session) {
  const href = URL.createObjectURL(new Blob([formatSession(session)], {type: 'application/json'}));
  make('a', {href, download: `chat-${new Date().toISOString().slice(0, 10)}.json`}).click();
  URL.revokeObjectURL(href);
}

export const loadFile = async (file) => parseSession(file.size > MAX_FILE_BYTES ? '' : await file.text());
