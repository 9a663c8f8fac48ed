// The page Look with the server: its views come from the server, its replies as in a chat.

import {$} from './dom.js';
import {ApiError, ask, fetchModels, streamReply} from './api.js';
import {offerModels} from './models.js';
import {formatRequest, newSeed} from './session.js';
import {showLook, tell} from '../look/look.js';
import {t, translate} from '../look/strings.js';

const DRAWING = ['sampler', 'temperature', 'top_k', 'top_p', 'min_p'];

function told(error) {
  if (!(error instanceof ApiError)) return error;
  const known = {key: t('key'), busy: t('busy'), gone: t('gone'), broken: t('gone')}[error.kind];
  return Object.assign(error, {told: known, link: error.kind === 'key' ? './' : undefined});
}

/** Let the model reply as in the chat, where texts of all take turns, and look at that. */
async function withReply({messages, draw_reply: _, sampling, ...request}, model, isWanted) {
  const stop = new AbortController();
  const settings = {...model.lumina.sampling, ...sampling};
  const body = formatRequest({messages, sampling: settings, seed: newSeed(), num_drawn: '0'}, model);
  let text = '';
  for await (const piece of streamReply(body, stop.signal)) {
    text += piece.text;
    if (!isWanted()) stop.abort();
  }
  return {...request, messages: [...messages, {role: 'bot', text}]};
}

/** Return what asks the server about a model. */
const lookInto = (model) => async (request, onPart) => {
  try {
    const whole = request.draw_reply ? await withReply(request, model, () => onPart(null)) : request;
    return await (await ask('api/look', {method: 'POST', body: JSON.stringify({...whole, model: model.id})})).json();
  } catch (error) {
    throw told(error);
  }
};

async function start() {
  $('chat').hidden = false;
  const models = await fetchModels();
  offerModels(models, (model) => {
    const {id, lumina} = model;
    const sampling = Object.fromEntries(DRAWING.map((name) => [name, lumina.sampling[name]]));
    const others = models.filter((other) => other !== model).map((other) => ({name: other.id, ask: lookInto(other)}));
    showLook({ask: lookInto(model), facts: {name: id, isChatbot: lumina.conversations, sampling}, others});
  });
}

translate();
start().catch((error) => tell(told(error)));
