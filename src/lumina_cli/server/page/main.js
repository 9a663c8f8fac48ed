// The page: its elements, and which wish each of them stands for.

import {showAlternatives} from './alternatives.js';
import {fetchModels} from './api.js';
import {drawChats, loadFile, saveFile} from './chats.js';
import {Conversation} from './conversation.js';
import {$, focusOn, isSending} from './dom.js';
import {askForKey} from './key.js';
import {MessageView} from './log.js';
import {offerModels} from './models.js';
import {forgetNews, nameFailure, newsOf, notify, waits, whenNoticeEnds} from './notices.js';
import {keepAtEnd, scrollToEnd} from './scroll.js';
import {newSeed, newSession} from './session.js';
import {drawSettings, newSampling, showUsed} from './settings.js';
import * as store from './store.js';
import {t, translate} from './strings.js';
import {oneLine} from './text.js';

const SAVE_EVERY_MS = 2000;

const chat = new Conversation({changed, grew, settled, waits});
const views = new WeakMap(); // message → MessageView
const input = $('input');
const log = $('log');
let id = store.recallInTab('chat') ?? store.listChats()[0]?.id ?? store.newId();
let isCertain = store.recall('certainty') === true;
let savedAt = 0;
let edited = null; // {message, draft}: what is written anew, and what stood in the field

// What the conversation tells

function changed() {
  const {messages, session, isBusy} = chat;
  messages.forEach((message, index) => {
    const {element} = viewOf(message);
    if (log.children[index] !== element) log.insertBefore(element, log.children[index] ?? null);
  });
  while (log.children.length > messages.length) log.lastChild.remove();
  $('welcome').hidden = messages.length > 0;
  document.title = [store.titleOf(session), 'lumina'].filter(Boolean).join(' · ');
  document.body.classList.toggle('busy', isBusy);
  log.ariaBusy = String(isBusy);
  $('send').textContent = t(isBusy ? 'stop' : 'send');
  $('show-settings').disabled = isBusy;
  notify();
  save();
}

function grew(message) {
  keepAtEnd(() => viewOf(message).draw());
  if (Date.now() - savedAt > SAVE_EVERY_MS) save();
}

function settled(outcome) {
  keepAtEnd(() => tellOf(outcome)); // a notice takes room from the log
}

function tellOf({failure, finish, notices = [], begun, hasGrown, before}) {
  const isReplaced = before && before !== chat.messages;
  const undo = isReplaced ? [['undo', () => chat.set(before)]] : [];
  const goOn = ['goOn', wishes.goOn];
  const again = begun ? wishes.goOn : wishes.retry;
  if (failure?.kind === 'key') askForKey(again);
  else if (failure?.kind === 'broken' && hasGrown) notify(t('broken'), goOn, ...undo);
  else if (failure) notify(nameFailure(failure), ['retry', again], ...undo);
  else if (finish === 'length') notify(t('cut'), goOn, ...undo);
  else if (finish && hasGrown === false) notify(t('silent'), ...undo);
  else {
    const text = newsOf(notices) || (isReplaced && t('replaced'));
    if (text) notify(text, ...undo);
  }
}

function viewOf(message) {
  if (!views.has(message)) {
    views.set(message, new MessageView(message, chat.unitsOf(message), wishes));
    views.get(message).showCertainty(isCertain);
  }
  return views.get(message);
}

// Wishes

const wishes = {
  retry: () => start(() => chat.retry()),
  goOn: () => start(() => chat.goOn()),
  edit,
  choose: (...choice) => start(() => chat.choose(...choice)),
  undo: takeBack,
  copy,
  tell: (text) => $('told').replaceChildren(text),
  showOthers: showAlternatives,
};

/** Begin a reply, if none is on its way and there is a model. */
function start(begin) {
  if (chat.isBusy || !chat.model) return;
  begin();
  focusOn(input, $('send'));
  scrollToEnd();
}

function send() {
  const {value} = input;
  if (chat.isBusy || !value.trim()) return;
  if (!chat.model) return void connect();
  const {message, draft = ''} = edited ?? {};
  write(draft);
  start(() => (message ? chat.edit(message, value) : chat.say(value)));
}

/** Have a message written anew, in the field; what is there is not lost. */
function edit(message) {
  if (message.role === 'system') return openSettings();
  const draft = edited?.draft ?? input.value;
  write(message.text);
  input.focus();
  notify(t('editing'), ['cancel', () => write(draft)]);
  edited = {message, draft};
}

function takeBack() {
  const before = chat.messages;
  const draft = input.value;
  const text = chat.takeBack();
  write(draft || text);
  input.focus();
  notify(t('takenBack'), ['undo', () => {
    if (input.value === text) write(draft);
    chat.set(before);
  }]);
}

async function copy(message) {
  try {
    await navigator.clipboard.writeText(message.text);
  } catch { // not there where the page comes by http from another machine
    getSelection().selectAllChildren(viewOf(message).element.querySelector('.text'));
    document.execCommand('copy');
  }
  notify(t('copied'));
}

// Chats

function open(newId, session) {
  if (chat.messages.length) save(); // a reply that comes ends here
  id = newId;
  forgetNews();
  store.rememberInTab('chat', id);
  chat.open(session);
  scrollToEnd();
}

function openNew() {
  open(store.newId(), newSession(newSampling(chat.model)));
  input.focus();
}

function save() {
  savedAt = Date.now();
  const {session, isBusy} = chat;
  const messages = session.messages.filter(({text}, index, {length}) => text || !isBusy || index < length - 1);
  if (!messages.length) store.removeChat(id);
  else if (!store.writeChat(id, {...session, messages})) notify(t('full'));
}

function openChats() {
  drawChats({current: id, open: (other) => {
    $('chats').close();
    open(other, store.readChat(other));
  }, remove: removeChat});
  $('chats').showModal();
}

function removeChat(other) {
  const session = store.readChat(other);
  $('chats').close();
  if (other === id) openNew();
  store.removeChat(other);
  notify(t('removed'), ['undo', () => open(other, session)]);
}

async function openFile() {
  $('chats').close();
  try {
    const session = await loadFile($('file').files[0]);
    const {model} = session;
    open(store.newId(), session);
    if (model !== chat.model?.lumina?.digest) notify(t('otherModel'));
  } catch (error) {
    notify(t('notAChat', {where: oneLine(error.message, 80)}));
  }
  $('file').value = '';
}

// Settings

function openSettings() {
  const system = chat.messages.find(({role}) => role === 'system')?.text ?? '';
  drawSettings($('fields'), {sampling: chat.session.sampling, system, change});
  if (!$('settings').open) $('settings').showModal();
}

function change(name, value) {
  if (name === 'system') return chat.setSystem(value);
  const {session} = chat;
  session.sampling = {...session.sampling, [name]: value};
  if (name === 'seed') Object.assign(session, {seed: value ?? newSeed(), num_drawn: '0'});
  if (name === 'sampler') showUsed($('fields'), value);
  store.remember('sampling', {...session.sampling, seed: null});
  save();
}

function useDefaults() {
  store.remember('sampling', null);
  chat.session.sampling = newSampling(chat.model);
  save();
  openSettings();
}

// The server

async function connect() {
  let models;
  try {
    models = await fetchModels();
  } catch (failure) {
    return failure.kind === 'key' ? askForKey(connect) : notify(nameFailure(failure), ['retry', connect]);
  }
  notify();
  offerModels(models, useModel);
}

function useModel(model) {
  chat.model = model;
  if (model.lumina?.conversations === false) notify(t('plainModel'));
  if (!chat.messages.length) chat.session.sampling = newSampling(model);
}

function showCertainty() {
  $('certainty').ariaPressed = String(isCertain);
  $('legend').hidden = !isCertain;
  for (const message of chat.messages) viewOf(message).showCertainty(isCertain);
}

function write(text = input.value) {
  input.value = text;
  input.style.height = 'auto';
  input.style.height = `${input.scrollHeight}px`;
}

// Begin

whenNoticeEnds(() => { edited = null; });
const clicks = {
  'new-chat': openNew,
  'show-chats': openChats,
  'show-settings': openSettings,
  defaults: useDefaults,
  save: () => saveFile(chat.session),
  load: () => $('file').click(),
  certainty: () => {
    isCertain = !isCertain;
    store.remember('certainty', isCertain);
    showCertainty();
  },
};
for (const [name, act] of Object.entries(clicks)) $(name).onclick = act;
$('composer').onsubmit = (event) => {
  event.preventDefault();
  if (chat.isBusy) chat.stop();
  else send();
};
$('file').onchange = openFile;
input.oninput = () => write();
input.onkeydown = (event) => {
  if (!isSending(event)) return;
  event.preventDefault();
  send();
};
for (const dialog of document.querySelectorAll('dialog')) {
  dialog.querySelector('.close').onclick = () => dialog.close();
}
addEventListener('keydown', ({key}) => key === 'Escape' && !document.querySelector('dialog[open], :popover-open') && chat.stop());
addEventListener('pagehide', save);
addEventListener('storage', ({key}) => {
  if (store.idOfKey(key) !== id) return;
  const session = store.readChat(id); // another window has changed this chat
  if (chat.isBusy) id = store.newId();
  else if (session) chat.open(session);
});

translate();
input.placeholder = t('message');
const kept = store.readChat(id);
open(kept ? id : store.newId(), kept ?? newSession(newSampling(chat.model)));
showCertainty();
connect();
focusOn(input, $('send'));
