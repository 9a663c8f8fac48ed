// All that the page says, in each language. `{name}` stands for a value.

import {speak} from './language.js';

const same = {sampler: 'Sampler', top_k: 'Top-k', top_p: 'Top-p', min_p: 'Min-p'};

const en = {
  ...same,
  title: 'Look inside', model: 'Model', chat: 'To the chat', views: 'Views', temperature: 'Temperature',
  intro: 'What your model makes of a text. Everything here is computed from the model as you look.',
  introLiving: 'The model lives in this page: what you type stays here, and nothing is fetched from anywhere.',
  introFixed: 'What a model made of this text, written down once. The model itself is not in this page.',
  said: 'You say', reply: 'The bot says', plain: 'Text', draw: 'Let it reply', clear: 'Clear', hello: 'Hello', once: 'Once upon a time',
  next: 'Next character', surprise: 'Surprise', matters: 'What mattered', source: 'Where from', layers: 'Layer by layer', heads: 'Heads', characters: 'Characters',
  by_system: 'System message', by_user: 'You', by_bot: 'Bot', by_text: 'Text',
  tag_pad: 'padding', tag_begin: 'begin', tag_system: 'system', tag_user: 'you', tag_bot: 'bot', tag_end: 'end',
  space: 'space', newline: 'new line', tab: 'tab', part: 'That is a part of a character, or a tag: it can’t be typed here.', ended: 'Here the reply would end.',

  nextHow: 'Wide bars: how likely each is to the model. Narrow bars: how often the sampler would draw it. Choose one to go on with it.',
  nextFixed: 'What might have come first, behind what was said. Wide bars: how likely each was to the model. Narrow bars: how often the sampler would draw it.',
  drawn: '{prob} · drawn {drawn}', notDrawn: '{prob} · never', rest: 'All others together: {rest}. The sampler draws one of {num}.',
  held: 'The next piece says “{held}” again, as subwords may be cut otherwise in a longer text.',

  surprisePieces: 'The text by how sure the model was: arrow keys move, Enter shows what it expected', notLearnt: 'not learnt from',
  mean: '{nats} nats a character over {count} characters that it learnt from: as unsure as choosing among {choices}.',
  expected: 'In place of “{piece}” ({prob}) it expected',
  sureIsNotRight: 'Sure is not right. Asked for the capital of Atlantis, a demo model said “The capital of Austria is Vienna.”, 98 % sure of each character on average.',
  greyIsNotLearnt: 'What is grey was not learnt from: nobody taught the model to expect it.',

  mattersPieces: 'The text by what mattered: arrow keys move, Enter explains a character', for: 'spoke for it', against: 'spoke against it',
  mattersFor: 'What mattered for “{piece}” ({prob})', delta: '{delta} nats', lessLikely: '{times} times as likely with it ({delta} nats)', moreLikely: '{times} times less likely with it ({delta} nats)',
  before: 'The {num} pieces before those, hidden together: {delta} nats.', curve: 'How likely by length of context', lastPieces: 'last {num}',
  mattersHow: 'Measured: each earlier piece was hidden, and the model asked again. Two that say the same stand in for each other, so hiding one may change little.',

  sourceGone: 'This can’t be told: the training text is not at hand.', noWords: 'There are no words to look for.', noTrainingText: 'It does not travel with the page.', notRecorded: 'This was not written down in this page.',
  sourceWhole: 'All of it stands word for word in the training text. To stand there is not yet to be copied.', sourceShare: '{share} of it stand word for word in the training text.',
  sourceNone: 'None of it stands word for word in the training text.', baseline: 'For comparison, of texts kept from the model: {share} of their characters stand there, too, and {whole} of them whole.',
  found: 'found {num} ×', sourceHow: 'Marked is what stands there for at least {num} characters on end. Common words stand in every text.',

  layersPieces: 'The text by layer: arrow keys move, Enter shows the guesses after each layer', layer: 'Read after', embedding: 'embedding', afterLayer: 'layer {layer}', actual: 'p of “{piece}”', guesses: 'best guesses',
  rightFrom: 'right from layer {layer} on, in the end {prob}', rightFromLegend: 'The guess is right from this layer on: ', never: 'never',
  lens: 'The head learnt to read the last layer alone. Early layers may know more than it can read there.',

  attentionHow: 'Where a head looks is not what decides: see first what mattered. The nats tell what a head is worth: how much less likely the character is without it.',
  headsPieces: 'The text: arrow keys move, Enter chooses the character that is predicted', head: 'Layer {layer}, head {head}', headsFor: 'Where heads look to predict “{piece}”',
  looksAt: '{name} looks most at: {words}', worth: '{delta} nats', switch: 'Switch this head on or off', withAll: 'With all heads', without: 'Without {num} of the heads',

  character: 'Character', grid: 'All characters, each by each: orange where they are alike, blue where they are opposite',
  alike: 'Two characters are alike where the model expects them in the same places: compared are the rows of its head, less what all have in common.',

  beside: 'Side by side with', nobody: 'no other model', same: 'Both show the same, to the last digit.',
  failed: 'That went wrong: {message}', gone: 'The server does not answer. Is lumina serve still running?', busy: 'The server’s queue is full. Try again in a moment.',
  key: 'The server asks for an API key. Enter it on the chat page in this tab, then come back.',
};

const de = {
  ...same,
  title: 'Hineinsehen', model: 'Modell', chat: 'Zum Chat', views: 'Ansichten', temperature: 'Temperatur',
  intro: 'Was dein Modell aus einem Text macht. Alles hier wird aus dem Modell berechnet, während du hinsiehst.',
  introLiving: 'Das Modell lebt in dieser Seite: Was du tippst, bleibt hier, und nichts wird von irgendwo geholt.',
  introFixed: 'Was ein Modell aus diesem Text machte, einmal aufgeschrieben. Das Modell selbst ist nicht in dieser Seite.',
  said: 'Du sagst', reply: 'Der Bot sagt', plain: 'Text', draw: 'Antworten lassen', clear: 'Leeren', hello: 'Hello', once: 'Once upon a time',
  next: 'Nächstes Zeichen', surprise: 'Überraschung', matters: 'Was zählte', source: 'Woher', layers: 'Schicht für Schicht', heads: 'Köpfe', characters: 'Zeichen',
  by_system: 'Systemnachricht', by_user: 'Du', by_bot: 'Bot', by_text: 'Text',
  tag_pad: 'Füllung', tag_begin: 'Beginn', tag_system: 'System', tag_user: 'du', tag_bot: 'Bot', tag_end: 'Ende',
  space: 'Leerzeichen', newline: 'neue Zeile', tab: 'Tabulator', part: 'Das ist ein Teil eines Zeichens oder eine Marke: Es lässt sich hier nicht tippen.', ended: 'Hier würde die Antwort enden.',

  nextHow: 'Breite Balken: wie wahrscheinlich es dem Modell ist. Schmale Balken: wie oft der Sampler es zöge. Wähle eines, um damit fortzufahren.',
  nextFixed: 'Was als Erstes hätte kommen können, nach dem, was gesagt war. Breite Balken: wie wahrscheinlich es dem Modell war. Schmale Balken: wie oft der Sampler es zöge.',
  drawn: '{prob} · gezogen {drawn}', notDrawn: '{prob} · nie', rest: 'Alle anderen zusammen: {rest}. Der Sampler zieht eines von {num}.',
  held: 'Das nächste Stück sagt „{held}“ noch einmal, denn in einem längeren Text können Wortteile anders geschnitten sein.',

  surprisePieces: 'Der Text danach, wie sicher das Modell war: Pfeiltasten bewegen, Eingabe zeigt, was es erwartete', notLearnt: 'nicht gelernt',
  mean: '{nats} Nats je Zeichen über {count} Zeichen, aus denen es lernte: so unsicher wie eine Wahl unter {choices}.',
  expected: 'Statt „{piece}“ ({prob}) erwartete es',
  sureIsNotRight: 'Sicher heißt nicht richtig. Nach der Hauptstadt von Atlantis gefragt, sagte ein Demomodell „The capital of Austria is Vienna.“, jedes Zeichen im Mittel zu 98 % sicher.',
  greyIsNotLearnt: 'Aus Grauem wurde nicht gelernt: Niemand lehrte das Modell, es zu erwarten.',

  mattersPieces: 'Der Text danach, was zählte: Pfeiltasten bewegen, Eingabe erklärt ein Zeichen', for: 'sprach dafür', against: 'sprach dagegen',
  mattersFor: 'Was für „{piece}“ zählte ({prob})', delta: '{delta} Nats', lessLikely: 'damit {times}-mal so wahrscheinlich ({delta} Nats)', moreLikely: 'damit {times}-mal weniger wahrscheinlich ({delta} Nats)',
  before: 'Die {num} Stücke davor, zusammen verdeckt: {delta} Nats.', curve: 'Wie wahrscheinlich nach Länge des Kontexts', lastPieces: 'letzte {num}',
  mattersHow: 'Gemessen: Jedes frühere Stück wurde verdeckt und das Modell neu gefragt. Zwei, die dasselbe sagen, vertreten einander; dann ändert eines allein wenig.',

  sourceGone: 'Das lässt sich nicht sagen: Der Trainingstext liegt nicht vor.', noWords: 'Es gibt keine Worte zu suchen.', noTrainingText: 'Er reist nicht mit der Seite.', notRecorded: 'Das steht nicht in dieser Seite.',
  sourceWhole: 'Alles davon steht Wort für Wort im Trainingstext. Dort zu stehen heißt noch nicht, abgeschrieben zu sein.', sourceShare: '{share} davon stehen Wort für Wort im Trainingstext.',
  sourceNone: 'Nichts davon steht Wort für Wort im Trainingstext.', baseline: 'Zum Vergleich, von Texten, die dem Modell vorenthalten waren: Auch von ihnen stehen {share} dort, und {whole} ganz.',
  found: '{num}-mal gefunden', sourceHow: 'Markiert ist, was dort mindestens {num} Zeichen lang am Stück steht. Häufige Wörter stehen in jedem Text.',

  layersPieces: 'Der Text nach Schichten: Pfeiltasten bewegen, Eingabe zeigt die Vermutungen nach jeder Schicht', layer: 'Gelesen nach', embedding: 'Einbettung', afterLayer: 'Schicht {layer}', actual: 'p von „{piece}“', guesses: 'beste Vermutungen',
  rightFrom: 'richtig ab Schicht {layer}, am Ende {prob}', rightFromLegend: 'Die Vermutung stimmt ab dieser Schicht: ', never: 'nie',
  lens: 'Der Ausgang lernte, nur die letzte Schicht zu lesen. Frühe Schichten wissen vielleicht mehr, als er dort lesen kann.',

  attentionHow: 'Wohin ein Kopf sieht, entscheidet nicht: Sieh zuerst, was zählte. Die Nats sagen, was ein Kopf wert ist: wie viel unwahrscheinlicher das Zeichen ohne ihn ist.',
  headsPieces: 'Der Text: Pfeiltasten bewegen, Eingabe wählt das Zeichen, das vorhergesagt wird', head: 'Schicht {layer}, Kopf {head}', headsFor: 'Wohin Köpfe sehen, um „{piece}“ vorherzusagen',
  looksAt: '{name} sieht am meisten auf: {words}', worth: '{delta} Nats', switch: 'Diesen Kopf aus- oder einschalten', withAll: 'Mit allen Köpfen', without: 'Ohne {num} der Köpfe',

  character: 'Zeichen', grid: 'Alle Zeichen, jedes mit jedem: orange, wo sie sich gleichen, blau, wo sie gegensätzlich sind',
  alike: 'Zwei Zeichen gleichen sich, wo das Modell sie an denselben Stellen erwartet: Verglichen werden die Zeilen seines Ausgangs, ohne das, was allen gemeinsam ist.',

  beside: 'Nebeneinander mit', nobody: 'keinem anderen Modell', same: 'Beide zeigen dasselbe, bis auf die letzte Ziffer.',
  failed: 'Das ging schief: {message}', gone: 'Der Server antwortet nicht. Läuft lumina serve noch?', busy: 'Die Warteschlange des Servers ist voll. Gleich noch einmal versuchen.',
  key: 'Der Server verlangt einen API-Schlüssel. Gib ihn auf der Chat-Seite in diesem Tab ein, dann komm zurück.',
};

export const STRINGS = {en, de};

export const {language, t, percent, translate} = speak(STRINGS);
