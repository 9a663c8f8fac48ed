// The dialog that asks for the API key.

import {hasKey, useKey} from './api.js';
import {$} from './dom.js';
import {t} from './strings.js';

/** Ask for the key; what it was needed for goes on by `next`. */
export function askForKey(next) {
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
