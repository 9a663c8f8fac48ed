// The server's runs: a list, and what is drawn of each.

const KEY = 'lumina.key'; // as the chat page keeps it

export class Refused extends Error {
  constructor(status, message = '', code = '') {
    super(message);
    Object.assign(this, {status, code});
  }
}

export const useKey = (text) => attempt(() => sessionStorage.setItem(KEY, text));

export const fetchRuns = async () => (await ask('api/runs')).runs;

const known = new Map(); // path → {etag, content}

/** Return a run's curve; one that has not changed since is the same object. */
export const fetchRun = (name) => ask(`api/runs/${encodeURIComponent(name)}/curve?points=800`);

async function ask(path) {
  const key = attempt(() => sessionStorage.getItem(KEY));
  const before = known.get(path);
  const headers = {...(key && {Authorization: `Bearer ${key}`}), ...(before?.etag && {'If-None-Match': before.etag})};
  const answer = await fetch(path, {headers, cache: 'no-store'}).catch(() => {
    throw new Refused(0);
  });
  if (answer.status === 304) return before.content;
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, String(content.error?.message ?? answer.status), content.error?.code);
  known.set(path, {etag: answer.headers.get('ETag'), content});
  return content;
}

function attempt(act) {
  try {
    return act();
  } catch { // a browser may keep nothing for this page
    return null;
  }
}
