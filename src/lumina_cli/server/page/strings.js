// All that the page says, in each language. `{name}` stands for a value.

const en = {
  send: 'Send',
  stop: 'Stop',
  message: 'Write a message',
  menu: 'Menu',
  model: 'Model',
  log: 'Conversation',
  you: 'You',
  bot: 'Bot',
  system: 'System message',
  welcome: 'Say hello',
  facts: '{parameters} parameters · reads the last {context} characters',
  factsTokens: '{parameters} parameters · reads the last {context} tokens',
  plainModel: 'This model learnt from plain text, not from conversations: it may not answer like a chatbot.',
  kept: 'Chats are kept in this browser.',
  loading: 'Asking the server for its models …',

  retry: 'Retry',
  answer: 'Answer',
  goOn: 'Continue',
  takeBack: 'Undo',
  edit: 'Edit',
  copy: 'Copy',
  copied: 'Copied.',
  cancel: 'Cancel',
  close: 'Close',
  again: 'Try again',
  restore: 'Undo',

  certainty: 'Certainty',
  level0: 'above 90 %',
  level1: '50 to 90 %',
  level2: '20 to 50 %',
  level3: 'below 20 %',
  sureIsNotRight: 'How likely each character was to the model before the sampler chose. Sure is not the same as right. Choose a character to see what else it might have said.',
  noCertainty: 'There are no figures for this reply: they are kept until the page is loaded again.',
  byCharacter: 'Reply, character by character: arrow keys move, Enter shows alternatives',
  characterIs: '{text}, {percent}',
  alternatives: '{text} was likely to {percent}',
  goOnWith: 'Choose one to go on from here:',
  end: 'end of the reply',
  part: 'part of a character',
  space: 'space',
  newline: 'new line',
  tab: 'tab',

  replaced: 'The reply was replaced.',
  takenBack: 'The last message was taken back.',
  cut: 'The reply is as long as the settings allow.',
  silent: 'The model ended its reply at once, without a word.',
  nothingToAdd: 'The model had nothing to add.',
  gone: 'The server does not answer. Is lumina serve still running?',
  broken: 'The connection broke off. What was said so far is kept.',
  busy: 'The server’s queue is full.',
  busyFor: 'The server’s queue is full. Try again in {seconds} s.',
  refused: 'The server refused this: {message}',
  noModels: 'The server has no model.',
  full: 'The browser’s storage is full or closed: this chat is lost with the page. Save it to a file.',
  otherModel: 'This chat was made with another model; this one goes on with it.',

  chats: 'Chats',
  newChat: 'New chat',
  noChats: 'No chats yet.',
  untitled: 'Empty chat',
  remove: 'Delete: {title}',
  removed: 'The chat was deleted.',
  save: 'Save to a file',
  load: 'Load a file',
  notAChat: 'This file is not a saved chat ({where}). The page and lumina chat save them: /save FILE',

  keyTitle: 'This server asks for a key',
  keyLabel: 'API key',
  keyHint: 'Whoever runs the server has it. It is kept in this tab until you close it.',
  keyUse: 'Use this key',
  keyWrong: 'The server did not accept this key.',

  settings: 'Settings',
  defaults: 'Defaults',
  systemHint: 'Tells the bot how to be; it is read before everything else.',
  sampler: 'Sampler',
  samplerHint: 'How the next character is chosen from those that the model holds likely.',
  greedy: 'Greedy: always the most likely',
  topK: 'Top-k: from the k most likely',
  nucleus: 'Nucleus: from the most likely that together reach p',
  minP: 'Min-p: from those nearly as likely as the most likely',
  beam: 'Beam search: in lumina chat only, greedy here',
  temperature: 'Temperature',
  temperatureHint: 'Lower keeps to likely characters, higher varies more; 0 is greedy.',
  top_k: 'Top-k',
  top_kHint: 'From so many of the most likely characters one is drawn.',
  top_p: 'Top-p',
  top_pHint: 'The most likely characters that together reach this probability are drawn from.',
  min_p: 'Min-p',
  min_pHint: 'Characters at least this fraction as likely as the most likely are drawn from.',
  repetition_penalty: 'Repetition penalty',
  repetition_penaltyHint: 'Above 1, what was said in the last 64 characters becomes less likely.',
  max_chars: 'Longest reply',
  max_charsHint: 'A reply ends after so many characters.',
  stopTexts: 'Stop texts',
  stopTextsHint: 'The reply ends before any of these: one a line, four at most; \\n is a new line.',
  seed: 'Seed',
  seedHint: 'The same seed gives the same replies; empty draws a new one.',
};

const de = {
  send: 'Senden',
  stop: 'Stopp',
  message: 'Nachricht schreiben',
  menu: 'Menü',
  model: 'Modell',
  log: 'Gespräch',
  you: 'Du',
  bot: 'Bot',
  system: 'Systemnachricht',
  welcome: 'Sag Hallo',
  facts: '{parameters} Parameter · liest die letzten {context} Zeichen',
  factsTokens: '{parameters} Parameter · liest die letzten {context} Tokens',
  plainModel: 'Dieses Modell hat aus reinem Text gelernt, nicht aus Gesprächen: Vielleicht antwortet es nicht wie ein Chatbot.',
  kept: 'Gespräche bleiben in diesem Browser.',
  loading: 'Der Server wird nach seinen Modellen gefragt …',

  retry: 'Neu antworten',
  answer: 'Antworten',
  goOn: 'Fortsetzen',
  takeBack: 'Zurücknehmen',
  edit: 'Ändern',
  copy: 'Kopieren',
  copied: 'Kopiert.',
  cancel: 'Abbrechen',
  close: 'Schließen',
  again: 'Nochmal versuchen',
  restore: 'Rückgängig',

  certainty: 'Sicherheit',
  level0: 'über 90 %',
  level1: '50 bis 90 %',
  level2: '20 bis 50 %',
  level3: 'unter 20 %',
  sureIsNotRight: 'Wie wahrscheinlich jedes Zeichen für das Modell war, bevor der Sampler wählte. Sicher heißt nicht richtig. Wähle ein Zeichen und sieh, was dort noch hätte stehen können.',
  noCertainty: 'Zu dieser Antwort gibt es keine Werte: Sie bleiben nur, bis die Seite neu geladen wird.',
  byCharacter: 'Antwort, Zeichen für Zeichen: Pfeiltasten bewegen, Eingabe zeigt Alternativen',
  characterIs: '{text}, {percent}',
  alternatives: '{text} war zu {percent} wahrscheinlich',
  goOnWith: 'Wähle, womit es hier weitergeht:',
  end: 'Ende der Antwort',
  part: 'Teil eines Zeichens',
  space: 'Leerzeichen',
  newline: 'neue Zeile',
  tab: 'Tabulator',

  replaced: 'Die Antwort wurde ersetzt.',
  takenBack: 'Die letzte Nachricht wurde zurückgenommen.',
  cut: 'Die Antwort ist so lang, wie die Einstellungen erlauben.',
  silent: 'Das Modell hat die Antwort sofort beendet, ohne ein Wort.',
  nothingToAdd: 'Das Modell hatte nichts hinzuzufügen.',
  gone: 'Der Server antwortet nicht. Läuft lumina serve noch?',
  broken: 'Die Verbindung ist abgerissen. Was bis dahin kam, ist noch da.',
  busy: 'Die Warteschlange des Servers ist voll.',
  busyFor: 'Die Warteschlange des Servers ist voll. In {seconds} s nochmal versuchen.',
  refused: 'Der Server hat das abgelehnt: {message}',
  noModels: 'Der Server hat kein Modell.',
  full: 'Der Speicher des Browsers ist voll oder gesperrt: Dieses Gespräch geht mit der Seite verloren. Sichere es in einer Datei.',
  otherModel: 'Dieses Gespräch ist mit einem anderen Modell entstanden; dieses führt es weiter.',

  chats: 'Gespräche',
  newChat: 'Neues Gespräch',
  noChats: 'Noch keine Gespräche.',
  untitled: 'Leeres Gespräch',
  remove: 'Löschen: {title}',
  removed: 'Das Gespräch wurde gelöscht.',
  save: 'In Datei sichern',
  load: 'Datei laden',
  notAChat: 'Diese Datei ist kein gesichertes Gespräch ({where}). Die Seite und lumina chat sichern sie: /save DATEI',

  keyTitle: 'Dieser Server verlangt einen Schlüssel',
  keyLabel: 'API-Schlüssel',
  keyHint: 'Wer den Server betreibt, hat ihn. Er bleibt in diesem Tab, bis du ihn schließt.',
  keyUse: 'Schlüssel verwenden',
  keyWrong: 'Der Server hat diesen Schlüssel nicht angenommen.',

  settings: 'Einstellungen',
  defaults: 'Zurücksetzen',
  systemHint: 'Sagt dem Bot, wie er sein soll; sie wird vor allem anderen gelesen.',
  sampler: 'Sampler',
  samplerHint: 'Wie das nächste Zeichen aus denen gewählt wird, die das Modell für wahrscheinlich hält.',
  greedy: 'Greedy: immer das wahrscheinlichste',
  topK: 'Top-k: aus den k wahrscheinlichsten',
  nucleus: 'Nucleus: aus den wahrscheinlichsten, die zusammen p erreichen',
  minP: 'Min-p: aus denen, die fast so wahrscheinlich sind wie das wahrscheinlichste',
  beam: 'Beam-Suche: nur in lumina chat, hier greedy',
  temperature: 'Temperatur',
  temperatureHint: 'Niedriger bleibt bei wahrscheinlichen Zeichen, höher wechselt mehr; 0 ist greedy.',
  top_k: 'Top-k',
  top_kHint: 'Aus so vielen der wahrscheinlichsten Zeichen wird gezogen.',
  top_p: 'Top-p',
  top_pHint: 'Gezogen wird aus den wahrscheinlichsten Zeichen, die zusammen diese Wahrscheinlichkeit erreichen.',
  min_p: 'Min-p',
  min_pHint: 'Gezogen wird aus Zeichen, die mindestens diesen Bruchteil so wahrscheinlich sind wie das wahrscheinlichste.',
  repetition_penalty: 'Wiederholungsstrafe',
  repetition_penaltyHint: 'Über 1 wird unwahrscheinlicher, was in den letzten 64 Zeichen vorkam.',
  max_chars: 'Längste Antwort',
  max_charsHint: 'Nach so vielen Zeichen endet eine Antwort.',
  stopTexts: 'Stopptexte',
  stopTextsHint: 'Vor jedem davon endet die Antwort: einer je Zeile, höchstens vier; \\n ist eine neue Zeile.',
  seed: 'Seed',
  seedHint: 'Derselbe Seed gibt dieselben Antworten; leer wird ein neuer gezogen.',
};

export const STRINGS = {en, de};

/** Return the first language that is wished for and there: of the address, then of the browser. */
export function chooseLanguage(address, browser) {
  const wished = [new URL(address).searchParams.get('lang'), ...browser];
  return wished.map((tag) => (tag ?? '').slice(0, 2).toLowerCase()).find((tag) => Object.hasOwn(STRINGS, tag)) ?? 'en';
}

export const language = chooseLanguage(location.href, navigator.languages);

/** Return what the page says for a key. */
export function t(key, values = {}) {
  return STRINGS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Return a probability as a person reads it. */
export function percent(prob) {
  const format = (value) => new Intl.NumberFormat(language, {style: 'percent', maximumFractionDigits: value < 0.01 ? 1 : 0}).format(value);
  if (prob < 0.001) return '< ' + format(0.001);
  return prob > 0.995 && prob < 1 ? '> ' + format(0.99) : format(prob);
}

/** Fill in all that stands in the page from the beginning. */
export function translate(root) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll('[data-t-placeholder]')) element.placeholder = t(element.dataset.tPlaceholder);
  for (const element of root.querySelectorAll('[data-t-label]')) {
    element.ariaLabel = element.title = t(element.dataset.tLabel);
    if (element.id === 'log') element.removeAttribute('title');
  }
}
