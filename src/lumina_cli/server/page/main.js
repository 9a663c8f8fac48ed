// The page: its elements, and which wish each of them stands for.

import {showAlternatives} from './alternatives.js';
import {fetchModels, hasKey, useKey} from './api.js';
import {Conversation} from './conversation.js';
import {focusOn, isSending} from './keys.js';
import {make, MessageView} from './log.js';
import {DEFAULTS, formatSession, newSeed, newSession, parseSampling, parseSession} from './session.js';
import {drawSettings, showUsed} from './settings.js';
import * as store from './store.js';
import {language, t, translate} from './strings.js';
import {clean, oneLine} from './text.js';

const SAVE_EVERY_MS = 2000;
const NEAR_THE_END = 120; // px
const MAX_FILE_BYTES = 64_000_000;

const $ = (id) => document.getElementById(id);
const chat = new Conversation({changed, grew, settled});
const views = new WeakMap(); // message → MessageView
let models = [];
let id = store.newId();
let isCertain = store.recall('certainty') === true;
let savedAt = 0;
let afterKey = null;

// --- what the conversation tells

function changed() {
  const shown = chat.messages.map((message) => viewOf(message).element);
  shown.forEach((element, index) => {
    if ($('log').children[index] !== element) $('log').insertBefore(element, $('log').children[index] ?? null);
  });
  while ($('log').children.length > shown.length) $('log').lastChild.remove();
  $('welcome').hidden = shown.length > 0;
  document.title = [store.titleOf(chat.session), 'lumina'].filter(Boolean).join(' · ');
  document.body.classList.toggle('busy', chat.isBusy);
  $('log').ariaBusy = String(chat.isBusy);
  $('send').textContent = t(chat.isBusy ? 'stop' : 'send');
  if (chat.isBusy) notify();
  save();
}

function grew(message) {
  const isAtEnd = innerHeight + scrollY > document.documentElement.scrollHeight - NEAR_THE_END;
  viewOf(message).draw();
  if (isAtEnd) scrollToEnd();
  if (Date.now() - savedAt > SAVE_EVERY_MS) save();
}

function settled({failure, finish, hasGrown, before}) {
  const isReplaced = before && before !== chat.messages;
  const undo = isReplaced ? [[t('restore'), () => chat.restore(before)]] : [];
  const again = [t('again'), retry];
  const goOn = [t('goOn'), () => chat.goOn()];
  if (failure?.kind === 'key') return askForKey(retry);
  if (failure?.kind === 'broken' && hasGrown) return notify(t('broken'), goOn, ...undo);
  if (failure) return notify(tellFailure(failure), again, ...undo);
  if (finish === 'length') return notify(t('cut'), goOn, ...undo);
  if (finish && !hasGrown) return notify(t(chat.messages.at(-1).text ? 'nothingToAdd' : 'silent'), ...undo);
  notify(isReplaced ? t('replaced') : '', ...undo);
}

function tellFailure({kind, message, seconds}) {
  if (kind === 'busy') return seconds ? t('busyFor', {seconds}) : t('busy');
  return kind === 'refused' ? t('refused', {message: oneLine(message, 300)}) : t('gone');
}

function viewOf(message) {
  if (!views.has(message)) {
    const view = new MessageView(message, chat.unitsOf(message), wishes);
    view.showCertainty(isCertain);
    views.set(message, view);
  }
  return views.get(message);
}

// --- wishes

const wishes = {
  retry,
  goOn: () => start(() => chat.goOn()),
  edit: (message, text) => start(() => chat.edit(message, text)),
  choose: (message, index, other) => start(() => chat.choose(message, index, other)),
  takeBack,
  copy,
  editSystem: () => openSettings(),
  tell: (text) => { $('told').textContent = text; },
  showOthers: showAlternatives,
};

function retry() {
  start(() => chat.retry());
}

/** Begin a reply, unless one is on its way or there is no model. */
function start(begin) {
  if (chat.isBusy || !chat.model) return;
  begin();
  focusOn($('input'), {onTouch: $('send')});
  scrollToEnd();
}

function send() {
  const text = $('input').value;
  if (chat.isBusy || !text.trim()) return;
  if (!chat.model) return void connect();
  $('input').value = '';
  fit();
  start(() => chat.say(text));
}

function takeBack() {
  const before = chat.messages;
  const text = chat.takeBack();
  if (!$('input').value) $('input').value = text;
  fit();
  focusOn($('input'), {onTouch: $('input')});
  notify(t('takenBack'), [t('restore'), () => {
    if ($('input').value === text) $('input').value = '';
    chat.restore(before);
    fit();
  }]);
}

async function copy({text}) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text); // no clipboard where the page doesn't come from this machine or by https
  }
  notify(t('copied'));
}

function copyBySelection(text) {
  const area = make('textarea', {value: text, className: 'unseen'});
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

// --- chats

function open(newChatId, session) {
  id = newChatId;
  sessionStore(id);
  chat.open(session);
  notify();
  scrollToEnd();
}

function openNew() {
  open(store.newId(), newSession(sampling()));
  focusOn($('input'), {onTouch: $('input')});
}

function save() {
  savedAt = Date.now();
  const {session} = chat;
  const isEmptyReply = chat.isBusy && session.messages.at(-1)?.text === '';
  const messages = isEmptyReply ? session.messages.slice(0, -1) : session.messages;
  if (messages.length && !store.writeChat(id, {...session, messages})) notify(t('full'));
  if (!messages.length && store.readChat(id)) store.removeChat(id);
}

function drawChats() {
  const list = $('chats').querySelector('ul');
  const chats = store.listChats();
  $('chats').querySelector('.none').hidden = chats.length > 0;
  list.replaceChildren(...chats.map(({id: other, title}) => {
    const name = title || t('untitled');
    const choose = make('button', {type: 'button', className: 'chat', onclick: () => { open(other, store.readChat(other)); $('chats').close(); }}, make('bdi', {text: name}));
    if (other === id) choose.setAttribute('aria-current', 'true');
    const label = t('remove', {title: name});
    const remove = make('button', {type: 'button', className: 'icon', ariaLabel: label, title: label, text: '×', onclick: () => removeChat(other)});
    return make('li', {}, choose, remove);
  }));
}

function removeChat(other) {
  const session = store.readChat(other);
  store.removeChat(other);
  if (other === id) openNew();
  drawChats();
  $('chats').close();
  notify(t('removed'), [t('restore'), () => { store.writeChat(other, session); open(other, session); }]);
}

function saveFile() {
  const url = URL.createObjectURL(new Blob([formatSession(chat.session)], {type: 'application/json'}));
  make('a', {href: url, download: `chat-${new Date().toISOString().slice(0, 10)}.json`}).click();
  URL.revokeObjectURL(url);
}

async function loadFile(file) {
  $('chats').close();
  try {
    const session = parseSession(file.size > MAX_FILE_BYTES ? '' : await file.text());
    open(store.newId(), session);
    const digest = chat.model?.lumina?.digest;
    if (digest && session.model !== digest) notify(t('otherModel'));
    save();
  } catch (error) {
    notify(t('notAChat', {where: oneLine(error.message, 80)}));
  }
}

function sessionStore(value) {
  try {
    sessionStorage.setItem('lumina.chat', value);
  } catch {
    // the browser keeps nothing: the page begins anew
  }
}

function lastChat() {
  try {
    return sessionStorage.getItem('lumina.chat') ?? store.listChats()[0]?.id;
  } catch {
    return undefined;
  }
}

// --- settings

/** Return the settings of a new chat: as last used, as the model has them, or the usual ones. */
function sampling() {
  for (const known of [store.recall('sampling'), chat.model?.lumina?.sampling]) {
    try {
      return parseSampling(known);
    } catch {
      // none, or of another version
    }
  }
  return DEFAULTS;
}

function openSettings() {
  const system = chat.messages.find(({role}) => role === 'system')?.text ?? '';
  drawSettings($('settings').querySelector('.fields'), {sampling: chat.session.sampling, system, change: changeSetting});
  if (!$('settings').open) $('settings').showModal();
}

function changeSetting(name, value) {
  if (name === 'system') return chat.setSystem(value.trim() ? value : '');
  const {session} = chat;
  session.sampling = {...session.sampling, [name]: value};
  if (name === 'seed') Object.assign(session, {seed: value ?? newSeed(), num_drawn: '0'});
  if (name === 'sampler') showUsed($('settings').querySelector('.fields'), value);
  store.remember('sampling', {...session.sampling, seed: null});
  save();
}

function useDefaults() {
  store.remember('sampling', null);
  chat.session.sampling = sampling();
  save();
  openSettings();
}

// --- the server

async function connect() {
  $('facts').textContent = t('loading');
  try {
    models = await fetchModels();
  } catch (failure) {
    $('facts').textContent = '';
    return failure.kind === 'key' ? askForKey(connect) : notify(tellFailure(failure), [t('again'), connect]);
  }
  notify();
  if (!models.length) return notify(t('noModels'), [t('again'), connect]);
  const names = models.map(({id: name}) => make('option', {value: name, text: clean(name)}));
  $('model').replaceChildren(...names);
  $('model').hidden = models.length < 2;
  $('model-name').hidden = models.length > 1;
  useModel(models.find(({id: name}) => name === store.recall('model')) ?? models[0]);
}

function useModel(model) {
  chat.model = model;
  $('model').value = model.id;
  $('model-name').textContent = clean(model.id);
  const {num_parameters: parameters, context_length: context, tokenizer, conversations} = model.lumina ?? {};
  const count = (number) => new Intl.NumberFormat(language, {notation: 'compact', maximumSignificantDigits: 3}).format(number);
  const facts = tokenizer === 'bpe' ? 'factsTokens' : 'facts';
  $('facts').textContent = parameters ? t(facts, {parameters: count(parameters), context}) : '';
  if (conversations === false) notify(t('plainModel'));
  if (!chat.messages.length) chat.session.sampling = sampling();
}

function askForKey(next) {
  afterKey = next;
  $('key').querySelector('.wrong').textContent = hasKey() ? t('keyWrong') : '';
  $('key-input').value = '';
  $('key').showModal();
}

// --- small things

/** Show one line, and what can be done about it; nothing without a text. */
function notify(text = '', ...actions) {
  const buttons = actions.map(([label, act]) => make('button', {type: 'button', text: label, onclick: () => { notify(); act(); }}));
  $('notice').replaceChildren(...(text ? [make('bdi', {text}), ...buttons] : []));
}

function showCertainty() {
  $('certainty').ariaPressed = String(isCertain);
  $('legend').hidden = !isCertain;
  for (const message of chat.messages) viewOf(message).showCertainty(isCertain);
}

function fit() {
  $('input').style.height = 'auto';
  $('input').style.height = `${$('input').scrollHeight}px`;
}

const scrollToEnd = () => scrollTo({top: document.documentElement.scrollHeight});

// --- begin

translate(document);
$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  if (chat.isBusy) chat.stop();
  else send();
});
$('input').addEventListener('input', fit);
$('input').addEventListener('keydown', (event) => {
  if (!isSending(event)) return;
  event.preventDefault();
  send();
});
addEventListener('keydown', ({key}) => key === 'Escape' && !document.querySelector('dialog[open], :popover-open') && chat.stop());
$('certainty').addEventListener('click', () => {
  isCertain = !isCertain;
  store.remember('certainty', isCertain);
  showCertainty();
});
$('new-chat').addEventListener('click', openNew);
$('show-chats').addEventListener('click', () => { drawChats(); $('chats').showModal(); });
$('show-settings').addEventListener('click', openSettings);
$('defaults').addEventListener('click', useDefaults);
$('save').addEventListener('click', saveFile);
$('load').addEventListener('click', () => $('file').click());
$('file').addEventListener('change', async () => {
  await loadFile($('file').files[0]);
  $('file').value = '';
});
$('model').addEventListener('change', () => {
  store.remember('model', $('model').value);
  useModel(models.find(({id: name}) => name === $('model').value));
});
$('key').querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault();
  useKey($('key-input').value.trim());
  $('key').close();
  afterKey();
});
for (const dialog of document.querySelectorAll('dialog')) {
  dialog.querySelector('.close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', ({target}) => target === dialog && dialog.close()); // beside it
}
addEventListener('pagehide', save);
addEventListener('storage', ({key}) => {
  if (store.idOfKey(key) !== id) return; // another window has changed this chat
  const session = store.readChat(id);
  if (chat.isBusy) id = store.newId();
  else if (session) chat.open(session);
});

const last = lastChat();
open(last ?? id, (last && store.readChat(last)) || newSession(sampling()));
showCertainty();
connect();
focusOn($('input'), {onTouch: $('send')});
