// The dialog that asks for the API key.

import {asksForRoom, hasKey, useKey} from './api.js';
import {$} from './dom.js';
import {t} from './strings.js';

/** Ask for the key; what it was needed for goes on by `next`. */
export function askForKey(next) {
  const name = asksForRoom() ? 'room' : 'key';
  $('key').querySelector('label').textContent = $('key').ariaLabel = t(name);
  $('key-hint').textContent = t(`${name}Hint`);
  $('key-wrong').textContent = hasKey() ? t('keyWrong') : '';
  $('key-input').value = '';
  $('key').onsubmit = (event) => {
    event.preventDefault();
    useKey($('key-input').value.trim());
    $('key').close();
    next();
  };
  $('key').showModal();
}
