// The server's API: its models, and a reply as it comes.

const KEY = 'lumina.key';

/** A request that came to nothing. Kinds: key, busy, refused, gone (no answer), broken (no end). */
export class ApiError extends Error {
  constructor(kind, message = '', {seconds = null} = {}) {
    super(message);
    this.kind = kind;
    this.seconds = seconds;
  }
}

let key = recallKey();

/** Use a key from now on, in this tab. */
export function useKey(text) {
  key = text;
  try {
    sessionStorage.setItem(KEY, text);
  } catch {
    // the browser keeps nothing: it is asked for again
  }
}

/** Return whether a key was given. */
export const hasKey = () => key !== '';

/** Return the server's models. */
export async function fetchModels() {
  const answer = await ask('v1/models');
  const {data} = await answer.json().catch(() => ({}));
  if (!Array.isArray(data)) throw new ApiError('gone');
  return data;
}

/** Yield the pieces of a reply: {text, entries, finish}; closing the signal stops the server. */
export async function* streamReply(body, signal) {
  const answer = await ask('v1/chat/completions', {method: 'POST', body, signal});
  for await (const events of readEvents(answer.body)) {
    const piece = {text: '', entries: [], finish: null};
    let isDone = false;
    for (const event of events) {
      if (event === '[DONE]') isDone = true;
      else addTo(piece, parseEvent(event));
    }
    yield piece;
    if (isDone) return;
  }
  throw new ApiError('broken');
}

async function ask(path, options = {}) {
  const headers = {'Content-Type': 'application/json', ...(key ? {Authorization: `Bearer ${key}`} : {})};
  const answer = await fetch(path, {...options, headers, credentials: 'omit', cache: 'no-store'}).catch((error) => {
    throw options.signal?.aborted ? error : new ApiError('gone');
  });
  if (answer.ok) return answer;
  const {error} = await answer.json().catch(() => ({}));
  const message = typeof error?.message === 'string' ? error.message : `HTTP ${answer.status}`;
  const kind = {401: 'key', 429: 'busy'}[answer.status] ?? 'refused';
  throw new ApiError(kind, message, {seconds: Number(answer.headers.get('Retry-After')) || null});
}

/** Yield the data of server-sent events, as many at once as have come. */
async function* readEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  while (true) {
    const {done, value} = await reader.read().catch((error) => {
      throw error.name === 'AbortError' ? error : new ApiError('broken');
    });
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop();
    const events = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim());
    if (events.length) yield events;
  }
}

function parseEvent(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError('broken');
  }
}

function addTo(piece, {choices, error}) {
  if (error) throw new ApiError('refused', String(error.message));
  const choice = choices?.[0];
  if (!choice) return; // the usage
  piece.text += choice.delta?.content ?? '';
  piece.entries.push(...(choice.logprobs?.content ?? []));
  piece.finish = choice.finish_reason ?? piece.finish;
}

function recallKey() {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}
