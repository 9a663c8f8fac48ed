// The messages on the page: an element for each, made once.

import {levelOf} from './units.js';
import {clean, named} from './text.js';
import {percent, t} from './strings.js';
import {isSending} from './keys.js';

/** Return a new element. Text is only ever set as text. */
export function make(tag, {text, ...properties} = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/** One message's element. `wishes` are the functions that its buttons call. */
export class MessageView {
  #text = make('bdi', {className: 'text', dir: 'auto'});
  #drawn = 0; // units that have an element
  #rest = new Text(); // what has none yet
  #isCertain = false;
  #current = 0; // the unit that the arrow keys are at

  constructor(message, units, wishes) {
    this.message = message;
    this.units = units;
    this.wishes = wishes;
    const {role} = message;
    const name = t({user: 'you', bot: 'bot', system: 'system'}[role]);
    this.actions = make('div', {className: 'actions'}, ...this.#buttons(role));
    this.element = make('article', {className: `message ${role}`}, make('h2', {className: 'who', text: name}), this.#text, this.actions);
    this.#text.append(this.#rest);
    this.#text.addEventListener('click', ({target}) => this.#isCertain && this.#open([...this.#text.children].indexOf(target)));
    this.#text.addEventListener('keydown', (event) => this.#isCertain && this.#move(event));
    this.draw();
  }

  /** Show how sure the model was, or only the text. */
  showCertainty(isCertain) {
    this.#isCertain = isCertain && this.message.role === 'bot' && this.units !== undefined;
    this.element.classList.toggle('unknown', isCertain && this.message.role === 'bot' && !this.units);
    this.#drawn = 0;
    this.#text.replaceChildren(this.#rest);
    const attributes = {role: 'application', tabindex: '0', 'aria-label': t('byCharacter')};
    for (const [name, value] of Object.entries(attributes)) {
      if (this.#isCertain) this.#text.setAttribute(name, value);
      else this.#text.removeAttribute(name);
    }
    this.draw();
  }

  /** Show what has come since. */
  draw() {
    const shown = clean(this.message.text);
    if (!this.#isCertain) {
      this.#rest.data = shown;
      return;
    }
    const units = this.units.list.slice(this.#drawn);
    this.#drawn += units.length;
    this.#rest.before(...units.map(drawUnit));
    this.#rest.data = shown.slice(this.units.list.reduce((sum, {text}) => sum + text.length, 0));
  }

  #buttons(role) {
    const {wishes, message} = this;
    const button = (key, wish, className = '') => make('button', {type: 'button', text: t(key), onclick: wish, className});
    const copy = button('copy', () => wishes.copy(message));
    const takeBack = button('takeBack', wishes.takeBack, 'last');
    if (role === 'bot') return [button('retry', wishes.retry, 'last'), button('goOn', wishes.goOn, 'last'), copy, takeBack];
    if (role === 'user') return [button('answer', wishes.retry, 'last'), button('edit', () => this.#edit()), copy, takeBack];
    return [button('edit', wishes.editSystem)];
  }

  #edit() {
    const area = make('textarea', {value: this.message.text, ariaLabel: t('message'), dir: 'auto'});
    const end = () => {
      form.replaceWith(this.#text);
      this.actions.hidden = false;
      this.actions.querySelector('button:not(.last)').focus();
    };
    const send = (event) => {
      event.preventDefault();
      if (!area.value.trim()) return;
      end();
      this.wishes.edit(this.message, area.value);
    };
    const form = make('form', {className: 'edit', onsubmit: send}, area, make('div', {className: 'row'},
      make('button', {type: 'button', text: t('cancel'), onclick: end}), make('button', {className: 'main', text: t('send')})));
    area.addEventListener('keydown', (event) => {
      if (isSending(event)) send(event);
      if (event.key === 'Escape' && !event.isComposing) end();
    });
    this.#text.replaceWith(form);
    this.actions.hidden = true;
    area.focus();
  }

  #move(event) {
    const units = this.#text.children;
    const forward = getComputedStyle(this.#text).direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    const backward = forward === 'ArrowLeft' ? 'ArrowRight' : 'ArrowLeft';
    const to = {[forward]: this.#current + 1, [backward]: this.#current - 1, Home: 0, End: units.length - 1}[event.key];
    if (to !== undefined) this.#goTo(Math.max(0, Math.min(to, units.length - 1)));
    else if (event.key === 'Enter' || event.key === ' ') this.#open(this.#current);
    else return;
    event.preventDefault();
  }

  #goTo(index) {
    this.#text.querySelector('.current')?.classList.remove('current');
    this.#current = index;
    const element = this.#text.children[index];
    element?.classList.add('current');
    element?.scrollIntoView({block: 'nearest'});
    const {text, prob} = this.units.list[index] ?? {};
    if (prob !== undefined) this.wishes.tell(t('characterIs', {text: named(text), percent: percent(prob)}));
  }

  #open(index) {
    const unit = this.units.list[index];
    if (!unit || unit.prob === undefined) return;
    this.#goTo(index);
    this.wishes.showOthers(unit, this.#text.children[index], (other) => this.wishes.choose(this.message, index, other));
  }
}

function drawUnit({text, prob}) {
  if (prob === undefined) return make('span', {text});
  return make('span', {text, className: `level-${levelOf(prob)}`, title: percent(prob)});
}
