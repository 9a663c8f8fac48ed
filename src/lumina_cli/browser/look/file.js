// The page as one file: a model that lives in it, or answers that were written into it.

import {$} from './dom.js';
import {LivingModel} from './living.js';
import {showLook} from './look.js';
import {t} from './strings.js';
import {loadModel} from './weights.js';

const stored = (id) => JSON.parse($(id)?.textContent ?? 'null');
const {facts, answers, ...text} = stored('look-data');
const living = stored('model-data');

/** What was written down: by view, and where a place was chosen by place. */
async function recordedAnswer({view, at}) {
  const answer = at === undefined ? answers[view] : answers.places?.[view]?.[at];
  if (!answer) throw Object.assign(new Error(view), {told: t('notRecorded')});
  return answer;
}

if (living) {
  const model = new LivingModel(loadModel(living), {lossOn: facts.lossOn});
  const said = ({messages = [], text = ''}) => JSON.stringify([text, ...messages.map((message) => message.text)]);
  const known = said(text.request ?? {});
  const ask = async (request, onPart) => {
    if (request.view !== 'source') return model.ask(request, onPart);
    if (said(request) === known) return answers.source;
    return {view: 'source', is_known: false, why_unknown: t('noTrainingText'), min_chars: answers.source.min_chars};
  };
  globalThis.lumina = {ask: (request) => model.ask(request)}; // to be tried by hand
  showLook({ask, facts: {...facts, sampling: living.sampling, begun: text, isLiving: true}});
} else {
  showLook({ask: recordedAnswer, facts, recorded: text});
}
