// The server's API: its models, and a reply as it comes.

import {recallInTab, rememberInTab} from './store.js';

/** A request that came to nothing. Kinds: key, busy, refused, gone (no answer), broken (no end). */
export class ApiError extends Error {
  constructor(kind, message = '', seconds = 1) {
    super(message);
    Object.assign(this, {kind, seconds});
  }
}

let isRoom = false; // whether the key is the code of a room
let key = recallInTab('key') ?? '';

export function useKey(text) {
  key = text;
  rememberInTab('key', text);
}

export const asksForRoom = () => isRoom;

export const hasKey = () => key !== '';

export async function fetchModels() {
  const {data} = await (await ask('v1/models')).json().catch(() => ({}));
  if (!data?.length) throw new ApiError('gone');
  return data;
}

/** Yield the pieces of a reply: {text, entries, finish, notices}; the signal stops the server. */
export async function* streamReply(body, signal) {
  const answer = await ask('v1/chat/completions', {method: 'POST', body, signal});
  for await (const events of readEvents(answer.body)) {
    const piece = {text: '', entries: [], finish: null, notices: []};
    const failure = events.map((event) => addTo(piece, event)).find(Boolean);
    yield piece;
    if (failure) throw failure;
    if (events.includes('[DONE]')) return;
  }
  throw new ApiError('broken');
}

export async function ask(path, options = {}) {
  const seat = navigator.cookieEnabled && {'X-Lumina-Seat': 'wished'}; // in a class; a cookie keeps it
  const headers = {'Content-Type': 'application/json', ...(key && {Authorization: `Bearer ${key}`}), ...seat};
  const answer = await fetch(path, {...options, headers, cache: 'no-store'}).catch(() => {
    throw new ApiError('gone');
  });
  if (answer.ok) return answer;
  const {error} = await answer.json().catch(() => ({}));
  isRoom = error?.code === 'invalid_room_code';
  const isBusy = answer.status === 429 && error?.code !== 'class_limit';
  const kind = answer.status === 401 ? 'key' : isBusy ? 'busy' : 'refused';
  throw new ApiError(kind, String(error?.message ?? answer.status), answer.headers.get('Retry-After') ?? 1);
}

/** Yield the data of server-sent events, as many at once as have come. */
async function* readEvents(stream) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  while (true) {
    const {done, value} = await reader.read().catch(() => ({done: true}));
    if (done) return;
    const lines = (rest + decoder.decode(value, {stream: true})).split(/\r?\n/);
    rest = lines.pop();
    const events = lines.map(toEvent).filter(Boolean);
    if (events.length) yield events;
  }
}

/** Return the data of a line; a place in the queue comes as a comment, for programs to pass over. */
function toEvent(line) {
  if (line.startsWith('data:')) return line.slice(5).trim();
  const place = /^: place (\d+)$/.exec(line);
  return place && `{"place": ${place[1]}}`;
}

/** Add what an event says to a piece; return an error if it is one. */
function addTo(piece, event) {
  if (event === '[DONE]') return null;
  try {
    const {choices, error, lumina, place} = JSON.parse(event);
    if (error) return new ApiError('refused', String(error.message));
    piece.place = place ?? piece.place;
    const choice = choices?.[0]; // none: the usage
    piece.text += choice?.delta?.content ?? '';
    piece.entries.push(...(choice?.logprobs?.content ?? []));
    piece.finish = choice?.finish_reason ?? piece.finish;
    piece.notices.push(...(lumina?.notices ?? []));
  } catch {
    return new ApiError('broken');
  }
  return null;
}
