// The server's API: its models, and a reply as it comes.

import {recallInTab, rememberInTab} from './store.js';

/** A request that came to nothing. Kinds: key, busy, refused, gone (no answer), broken (no end). */
export class ApiError extends Error {
  constructor(kind, message = '', seconds = 1) {
    super(message);
    Object.assign(this, {kind, seconds});
  }
}

let key = recallInTab('key') ?? '';

export function useKey(text) {
  key = text;
  rememberInTab('key', text);
}

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

async function ask(path, options = {}) {
  const headers = {'Content-Type': 'application/json', ...(key && {Authorization: `Bearer ${key}`})};
  const answer = await fetch(path, {...options, headers, cache: 'no-store'}).catch(() => {
    throw new ApiError('gone');
  });
  if (answer.ok) return answer;
  const {error} = await answer.json().catch(() => ({}));
  const kind = {401: 'key', 429: 'busy'}[answer.status] ?? 'refused';
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
    const events = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim());
    if (events.length) yield events;
  }
}

/** Add what an event says to a piece; return an error if it is one. */
function addTo(piece, event) {
  if (event === '[DONE]') return null;
  try {
    const {choices, error, lumina} = JSON.parse(event);
    if (error) return new ApiError('refused', String(error.message));
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
