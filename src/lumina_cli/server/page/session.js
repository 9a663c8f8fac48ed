// A chat as the JSON that `/save` of `lumina chat` writes (chat/session_file.py), and the
// request that is made of it. `seed` and `num_drawn` go to 2^63: they are strings of digits
// here, for a number of JavaScript would round them.

import {clean, wellFormed} from './text.js';

export const DEFAULTS = {
  sampler: 'nucleus', temperature: 0.8, top_k: 10, top_p: 0.9, min_p: 0.05, repetition_penalty: 1,
  num_beams: 4, length_penalty: 0, num_candidates: 1, max_chars: 1000, stop: [], speculate: 'auto', seed: null,
};

const TOP_LOGPROBS = 5;
const MAX_SEED = 2n ** 63n;
const WHOLE = {top_k: [1, 65536], num_beams: [1, 64], num_candidates: [1, 64], max_chars: [1, 1e6]};
const REAL = {temperature: [0, 2], top_p: [0, 1], min_p: [0, 1], repetition_penalty: [1, 2], length_penalty: [-2, 2]};
const CHOICE = {sampler: ['greedy', 'top-k', 'nucleus', 'min-p', 'beam'], speculate: ['auto', 'off']};
const KEYS = ['format', 'version', 'model', 'sampling', 'seed', 'num_drawn', 'messages'];
const ROLES = {system: 'system', user: 'user', bot: 'assistant'};

/** What is wrong with a saved chat; the message is the place. */
export class SessionError extends Error {}

/** Return a seed that nobody chose. */
export const newSeed = () => String(crypto.getRandomValues(new Uint32Array(1))[0]);

/** Return a chat in which nothing was said. */
export function newSession(sampling = DEFAULTS) {
  const seed = sampling.seed ?? newSeed();
  return {format: 'lumina-chat', version: 1, model: '', sampling: {...sampling}, seed, num_drawn: '0', messages: []};
}

/** Return whether a value is within the bounds of its setting. */
export function isWithin(name, value) {
  if (name === 'seed') return value === null || isSeed(value);
  if (name === 'stop') return Array.isArray(value) && value.length <= 1000 && value.every((text) => isText(text) && text !== '');
  if (name in CHOICE) return CHOICE[name].includes(value);
  const [lowest, highest] = WHOLE[name] ?? REAL[name] ?? [1, 0];
  const isNumber = typeof value === 'number' && lowest <= value && value <= highest;
  if (name === 'temperature' && 0 < value && value < 0.1) return false;
  return isNumber && (name in REAL || Number.isInteger(value));
}

/** Return the chat of a file, or throw a SessionError. */
export function parseSession(text) {
  let saved;
  try {
    saved = JSON.parse(text, keepDigits);
  } catch {
    throw new SessionError('JSON');
  }
  hold(isObject(saved), 'JSON');
  for (const key of Object.keys(saved)) hold(KEYS.includes(key), key);
  hold((saved.format ?? 'lumina-chat') === 'lumina-chat', 'format');
  hold((saved.version ?? 1) === 1, 'version');
  hold(isText(saved.model) && saved.model.length <= 1000, 'model');
  for (const key of ['seed', 'num_drawn']) hold(isSeed(saved[key]), key);
  return {...newSession(parseSampling(saved.sampling)), ...saved, sampling: parseSampling(saved.sampling), messages: parseMessages(saved.messages)};
}

/** Return a chat as the text of a file. */
export function formatSession(session) {
  const text = JSON.stringify({...session, messages: session.messages.map(({role, text}) => ({role, text}))}, null, 2);
  return text.replace(/^( {2,4}"(?:seed|num_drawn)": )"(\d+)"/gm, '$1$2') + '\n';
}

/** Return the body of the request for the next reply; the last message is gone on with if it is the bot's. */
export function formatRequest(session, model) {
  const {messages, sampling, seed, num_drawn} = session;
  const isGoingOn = messages.at(-1)?.role === 'bot';
  const body = {
    model,
    messages: messages.map(({role, text}) => ({role: ROLES[role], content: text})),
    ...drawing(sampling),
    repetition_penalty: sampling.repetition_penalty,
    max_tokens: sampling.max_chars,
    ...(sampling.stop.length ? {stop: sampling.stop} : {}),
    seed: String((BigInt(seed) + BigInt(num_drawn)) % MAX_SEED),
    stream: true,
    stream_options: {include_usage: true},
    logprobs: true,
    top_logprobs: TOP_LOGPROBS,
    truncate: true,
    ...(isGoingOn ? {continue_final_message: true} : {}),
  };
  return JSON.stringify(body).replace(/"seed":"(\d+)"/, '"seed":$1');
}

/** Return what of the settings has an effect with their sampler. */
function drawing({sampler, temperature, top_k, top_p, min_p}) {
  const number = {'top-k': {top_k}, nucleus: {top_p}, 'min-p': {min_p}}[sampler];
  return number ? {temperature, ...number} : {temperature: 0};
}

/** Return sampler settings with defaults for what is missing, or throw a SessionError. */
export function parseSampling(sampling) {
  hold(isObject(sampling), 'sampling');
  for (const [name, value] of Object.entries(sampling)) {
    hold(Object.hasOwn(DEFAULTS, name) && isWithin(name, value), `sampling.${name}`);
  }
  const all = {...DEFAULTS, ...sampling};
  hold(all.sampler !== 'beam' || all.num_candidates <= all.num_beams, 'sampling.num_candidates');
  return all;
}

function parseMessages(messages) {
  hold(Array.isArray(messages), 'messages');
  messages.forEach((message, index) => {
    const isMessage = isObject(message) && Object.hasOwn(ROLES, message.role) && isText(message.text);
    hold(isMessage && Object.keys(message).length === 2, `messages.${index}`);
  });
  hold(/^s?(ub)*u?$/.test(messages.map(({role}) => role[0]).join('')), 'messages');
  return messages.map(({role, text}) => ({role, text: role === 'bot' ? clean(text) : text}));
}

/** Keep the digits of seeds, where the browser tells them. */
function keepDigits(key, value, context) {
  const isCount = (key === 'seed' || key === 'num_drawn') && typeof value === 'number';
  if (!isCount) return value;
  return context?.source ?? (Number.isSafeInteger(value) ? String(value) : value);
}

function hold(isRight, where) {
  if (!isRight) throw new SessionError(where);
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value) => typeof value === 'string' && wellFormed(value) === value;
const isSeed = (value) => typeof value === 'string' && /^\d{1,19}$/.test(value) && BigInt(value) < MAX_SEED;
