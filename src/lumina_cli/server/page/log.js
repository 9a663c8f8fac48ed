// The messages on the page: an element for each, made once.

import {make, makeButton} from './dom.js';
import {percent, t} from './strings.js';
import {clean, named} from './text.js';
import {levelOf} from './units.js';

const BUTTONS = {system: ['edit'], user: ['retry', 'edit', 'copy', 'undo'], bot: ['retry', 'goOn', 'copy', 'undo']};

/** One message's element. `wishes` are the functions that its buttons call. */
export class MessageView {
  #text = make('bdi', {className: 'text', dir: 'auto'});
  #rest = new Text(); // what is in no unit
  #drawn = 0; // units that have an element
  #current = 0; // the unit that the arrow keys are at
  #isCertain = false;

  constructor(message, units, wishes) {
    Object.assign(this, {message, units, wishes});
    const {role} = message;
    const buttons = BUTTONS[role].map((name) => makeButton(t(name), () => wishes[name](message), name));
    const actions = make('div', {className: 'actions'}, ...buttons);
    this.element = make('article', {className: `message ${role}`}, make('h2', {text: t(role)}), this.#text, actions);
    this.#text.onclick = ({target}) => this.#isCertain && this.#open([...this.#text.children].indexOf(target));
    this.#text.onkeydown = (event) => this.#isCertain && this.#move(event);
  }

  /** Show how sure the model was, or only the text. */
  showCertainty(isCertain) {
    this.#isCertain = isCertain && this.units !== undefined;
    this.#drawn = 0;
    this.#text.replaceChildren(this.#rest);
    this.#text.role = this.#isCertain ? 'application' : null;
    this.#text.ariaLabel = this.#isCertain ? t('byCharacter') : null;
    this.#text.tabIndex = this.#isCertain ? 0 : -1;
    this.draw();
  }

  draw() {
    const units = this.#isCertain ? this.units.list : [];
    this.#rest.before(...units.slice(this.#drawn).map(drawUnit));
    this.#drawn = units.length;
    this.#rest.data = clean(this.message.text).slice(this.#isCertain ? this.units.text.length : 0);
  }

  #move(event) {
    const step = getComputedStyle(this.#text).direction === 'rtl' ? -1 : 1;
    const last = this.#drawn - 1;
    const to = {ArrowRight: this.#current + step, ArrowLeft: this.#current - step, Home: 0, End: last}[event.key];
    if (to !== undefined) this.#goTo(Math.max(0, Math.min(to, last)));
    else if (event.key === 'Enter' || event.key === ' ') this.#open(this.#current);
    else return;
    event.preventDefault();
  }

  #goTo(index) {
    const {children} = this.#text;
    children[this.#current]?.classList.remove('current');
    this.#current = index;
    children[index]?.classList.add('current');
    children[index]?.scrollIntoView({block: 'nearest'});
    const {text, prob} = this.units.list[index] ?? {};
    if (prob !== undefined) this.wishes.tell(`${named(text)}, ${percent(prob)}`);
  }

  #open(index) {
    const unit = this.units.list[index];
    if (unit?.prob === undefined) return;
    this.#goTo(index);
    this.wishes.showOthers(unit, this.#text.children[index], (other) => this.wishes.choose(this.message, index, other));
  }
}

function drawUnit({text, prob}) {
  return prob === undefined ? make('span', {text}) : make('span', {text, className: `level-${levelOf(prob)}`, title: percent(prob)});
}
