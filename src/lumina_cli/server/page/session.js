// A chat as the JSON that /save writes, and the request that is made of it. Seeds go to 2^63,
// where a JavaScript number would round: they are strings of digits here.

import {clean, wellFormed} from './text.js';

// default, then bounds or choices
export const SETTINGS = {
  sampler: ['nucleus', ['greedy', 'top-k', 'nucleus', 'min-p', 'beam']],
  temperature: [0.8, 0, 2],
  top_k: [10, 1, 65536],
  top_p: [0.9, 0, 1],
  min_p: [0.05, 0, 1],
  repetition_penalty: [1, 1, 2],
  num_beams: [4, 1, 64],
  length_penalty: [0, -2, 2],
  num_candidates: [1, 1, 64],
  max_chars: [1000, 1, 1e6],
  stop: [[]],
  speculate: ['auto', ['auto', 'off']],
  seed: [null],
};
const WHOLE = ['top_k', 'num_beams', 'num_candidates', 'max_chars'];
const ROLES = {system: 'system', user: 'user', bot: 'assistant'};
const MAX_SEED = 2n ** 63n;
const TOP_LOGPROBS = 5;

export const DEFAULTS = Object.fromEntries(Object.entries(SETTINGS).map(([name, [value]]) => [name, value]));

export const newSession = (sampling = DEFAULTS) =>
  ({format: 'lumina-chat', version: 1, model: '', sampling, seed: sampling.seed ?? newSeed(), num_drawn: '0', messages: []});

export const newSeed = () => String(crypto.getRandomValues(new Uint32Array(1))[0]);

export function isWithin(name, value) {
  if (name === 'seed') return value === null || isSeed(value);
  if (name === 'stop') return Array.isArray(value) && value.length <= 1000 && value.every((text) => isText(text) && text);
  const [, low, high] = SETTINGS[name];
  if (Array.isArray(low)) return low.includes(value);
  if (name === 'temperature' && 0 < value && value < 0.1) return false;
  return typeof value === 'number' && low <= value && value <= high && (Number.isInteger(value) || !WHOLE.includes(name));
}

/** Return the chat of a file, or throw an Error with the place that is wrong. */
export function parseSession(text) {
  let saved;
  try {
    saved = JSON.parse(text, keepDigits);
  } catch {
    hold(false, 'JSON');
  }
  hold(isObject(saved), 'JSON');
  const session = {...newSession(), ...saved, sampling: parseSampling(saved.sampling), messages: parseMessages(saved.messages)};
  for (const key of Object.keys(session)) hold(key in newSession(), key);
  hold(session.format === 'lumina-chat', 'format');
  hold(session.version === 1, 'version');
  hold(isText(saved.model) && saved.model.length <= 1000, 'model');
  for (const key of ['seed', 'num_drawn']) hold(isSeed(saved[key]), key);
  return session;
}

/** Return sampler settings with defaults for what is missing, or throw the same. */
export function parseSampling(sampling) {
  hold(isObject(sampling), 'sampling');
  const all = {...DEFAULTS, ...sampling};
  for (const name of Object.keys(all)) hold(Object.hasOwn(SETTINGS, name) && isWithin(name, all[name]), `sampling.${name}`);
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

export const formatSession = (session) =>
  JSON.stringify(session, null, 2).replace(/^( {2,4}"(?:seed|num_drawn)": )"(\d+)"/gm, '$1$2') + '\n';

/** Return the body of the request for the next reply; if the last message is the bot's, it goes on. */
export function formatRequest({messages, sampling, seed, num_drawn}, model) {
  const {sampler, temperature, repetition_penalty, max_chars: max_tokens, stop} = sampling;
  const number = temperature && {'top-k': 'top_k', nucleus: 'top_p', 'min-p': 'min_p'}[sampler];
  const body = {
    model: model.id,
    messages: messages.map(({role, text}) => ({role: ROLES[role], content: text})),
    ...(number ? {temperature, [number]: sampling[number]} : {temperature: 0}),
    ...(stop.length && String(stop) !== String(model.lumina?.sampling?.stop) ? {stop} : {}),
    ...(messages.at(-1).role === 'bot' ? {continue_final_message: true} : {}),
    repetition_penalty,
    max_tokens,
    seed: String((BigInt(seed) + BigInt(num_drawn)) % MAX_SEED),
    truncate: true,
    stream: true,
    stream_options: {include_usage: true},
    logprobs: true,
    top_logprobs: TOP_LOGPROBS,
  };
  return JSON.stringify(body).replace(/"seed":"(\d+)"/, '"seed":$1');
}

function keepDigits(key, value, context) {
  if ((key !== 'seed' && key !== 'num_drawn') || typeof value !== 'number') return value;
  return context?.source ?? (Number.isSafeInteger(value) ? String(value) : value);
}

function hold(isRight, where) {
  if (!isRight) throw new Error(where);
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value) => typeof value === 'string' && wellFormed(value) === value;
const isSeed = (value) => typeof value === 'string' && /^\d{1,19}$/.test(value) && BigInt(value) < MAX_SEED;
