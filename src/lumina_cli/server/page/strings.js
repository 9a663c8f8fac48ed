// All that the page says, in each language. `{name}` stands for a value.

import {speak} from './language.js';

const same = {bot: 'Bot', sampler: 'Sampler', top_k: 'Top-k', top_p: 'Top-p', min_p: 'Min-p', seed: 'Seed'};

const en = {
  ...same,
  send: 'Send', stop: 'Stop', message: 'Write a message', model: 'Model', log: 'Conversation', look: 'Look inside',
  user: 'You', system: 'System message',
  welcome: 'Say hello',
  facts: '{parameters} parameters · context {context}',
  kept: 'Chats stay in this browser.',
  retry: 'Retry', goOn: 'Continue', undo: 'Undo', edit: 'Edit', editing: 'This takes the place of your message; what follows goes.', copy: 'Copy', copied: 'Copied.',
  cancel: 'Cancel', close: 'Close',

  certainty: 'Certainty',
  sureIsNotRight: 'How likely each character or piece was to the model, for replies since the page was loaded. Sure is not the same as right. Choose one to see what else it might have said.',
  byCharacter: 'Reply by character or piece: arrow keys move, Enter shows alternatives',
  goOnWith: 'Choose what to go on with from here:',
  end: 'end of the reply', part: 'part of a character', space: 'space', newline: 'new line', tab: 'tab',

  replaced: 'The reply was replaced.',
  takenBack: 'The last message was taken back.',
  cut: 'The reply is as long as the settings allow.',
  silent: 'The model ended the reply without another word.',
  gone: 'The server does not answer. Is lumina serve still running?',
  broken: 'The connection broke off. What was said so far is kept.',
  busy: 'The server’s queue is full. Try again in {seconds} s.',
  refused: 'The server refused this: {message}',
  full: 'The browser’s storage is full: save this chat to a file, or it is lost with the page.',
  plainModel: 'This model learnt from plain text: it may not answer like a chatbot.',
  otherModel: 'This chat was made with another model.',

  chats: 'Chats', newChat: 'New chat', noChats: 'No chats yet.', remove: 'Delete: {title}', removed: 'The chat was deleted.',
  save: 'Save to a file', load: 'Load a file',
  notAChat: 'This file is not a saved chat ({where}). lumina chat saves them with: /save FILE',

  place: 'Your place in the queue: {place}',
  room: 'Room code', roomHint: 'Your teacher has it. It is kept in this tab until you close it.',
  key: 'API key',
  keyHint: 'The server asks for it. It is kept in this tab until you close it.',
  keyWrong: 'The server did not accept this key.',

  settings: 'Settings', defaults: 'Defaults',
  systemHint: 'Tells the bot how to be; it is read first.',
  samplerHint: 'Greedy takes the most likely; the others draw one of the likely ones.',
  beam: 'beam search (here: greedy)',
  temperature: 'Temperature', temperatureHint: 'Lower keeps to the likely, higher varies more; 0 is greedy.',
  top_kHint: 'Draws from so many of the most likely.',
  top_pHint: 'Draws from the most likely that together reach this probability.',
  min_pHint: 'Draws from those at least this fraction as likely as the most likely.',
  repetition_penalty: 'Repetition penalty', repetition_penaltyHint: 'Above 1, the last 64 characters or pieces are less likely to come again.',
  max_chars: 'Longest reply', max_charsHint: 'A reply ends after so many characters.',
  seedHint: 'The same seed gives the same replies; without one they differ.',
};

const de = {
  ...same,
  send: 'Senden', stop: 'Stopp', message: 'Nachricht schreiben', model: 'Modell', log: 'Gespräch', look: 'Hineinsehen',
  user: 'Du', system: 'Systemnachricht',
  welcome: 'Sag Hallo',
  facts: '{parameters} Parameter · Kontext {context}',
  kept: 'Gespräche bleiben in diesem Browser.',
  retry: 'Neu antworten', goOn: 'Fortsetzen', undo: 'Rückgängig', edit: 'Ändern', editing: 'Ersetzt deine Nachricht; was folgt, entfällt.', copy: 'Kopieren', copied: 'Kopiert.',
  cancel: 'Abbrechen', close: 'Schließen',

  certainty: 'Sicherheit',
  sureIsNotRight: 'Wie wahrscheinlich jedes Zeichen oder Stück war, seit dem Laden der Seite. Sicher heißt nicht richtig. Wähle eines und sieh, was es noch hätte sein können.',
  byCharacter: 'Antwort nach Zeichen oder Stücken: Pfeiltasten bewegen, Eingabe zeigt Alternativen',
  goOnWith: 'Wähle, womit es hier weitergeht:',
  end: 'Ende der Antwort', part: 'Teil eines Zeichens', space: 'Leerzeichen', newline: 'neue Zeile', tab: 'Tabulator',

  replaced: 'Antwort ersetzt.',
  takenBack: 'Letzte Nachricht zurückgenommen.',
  cut: 'Die Antwort ist so lang wie erlaubt.',
  silent: 'Das Modell beendete die Antwort ohne ein Wort.',
  gone: 'Der Server antwortet nicht. Läuft lumina serve noch?',
  broken: 'Die Verbindung riss ab. Was kam, ist noch da.',
  busy: 'Die Warteschlange des Servers ist voll. In {seconds} s nochmal versuchen.',
  refused: 'Der Server lehnt das ab: {message}',
  full: 'Der Speicher des Browsers ist voll: Sichere dieses Gespräch in einer Datei.',
  plainModel: 'Dieses Modell lernte aus reinem Text: Vielleicht antwortet es nicht.',
  otherModel: 'Dieses Gespräch stammt von einem anderen Modell.',

  chats: 'Gespräche', newChat: 'Neues Gespräch', noChats: 'Noch keine Gespräche.', remove: 'Löschen: {title}', removed: 'Gespräch gelöscht.',
  save: 'In Datei sichern', load: 'Datei laden',
  notAChat: 'Kein gesichertes Gespräch ({where}). lumina chat sichert sie mit: /save DATEI',

  place: 'Dein Platz in der Warteschlange: {place}',
  room: 'Raumcode', roomHint: 'Deine Lehrkraft hat ihn. Er bleibt nur in diesem Tab.',
  key: 'API-Schlüssel',
  keyHint: 'Der Server verlangt ihn. Er bleibt nur in diesem Tab.',
  keyWrong: 'Der Server nimmt diesen Schlüssel nicht an.',

  settings: 'Einstellungen', defaults: 'Zurücksetzen',
  systemHint: 'Sagt dem Bot, wie er sein soll; sie wird zuerst gelesen.',
  samplerHint: 'Greedy nimmt das Wahrscheinlichste; die anderen ziehen aus den wahrscheinlichen.',
  beam: 'Beam-Suche (hier: greedy)',
  temperature: 'Temperatur', temperatureHint: 'Niedriger bleibt beim Wahrscheinlichen, höher wechselt mehr; 0 ist greedy.',
  top_kHint: 'Zieht aus so vielen der wahrscheinlichsten.',
  top_pHint: 'Zieht aus den wahrscheinlichsten, die zusammen diese Wahrscheinlichkeit erreichen.',
  min_pHint: 'Zieht aus denen, die mindestens diesen Bruchteil so wahrscheinlich sind wie das Wahrscheinlichste.',
  repetition_penalty: 'Wiederholungsstrafe', repetition_penaltyHint: 'Über 1 kommen die letzten 64 Zeichen oder Stücke seltener.',
  max_chars: 'Längste Antwort', max_charsHint: 'Nach so vielen Zeichen endet eine Antwort.',
  seedHint: 'Derselbe Seed gibt dieselben Antworten; ohne ihn sind sie verschieden.',
};

export const STRINGS = {en, de};

export const {language, t, percent, translate} = speak(STRINGS);
