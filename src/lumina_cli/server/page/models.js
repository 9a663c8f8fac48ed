// The models that the server has: which one is talked to, and its facts.

import {$, make} from './dom.js';
import {recall, remember} from './store.js';
import {language, t} from './strings.js';
import {clean} from './text.js';

/** Offer models to choose from; `use` takes the one that was used last, and each that is chosen. */
export function offerModels(models, use) {
  const choose = (name) => {
    const model = models.find(({id}) => id === name) ?? models[0];
    show(model);
    use(model);
  };
  const field = $('model');
  field.replaceChildren(...models.map(({id}) => make('option', {value: id, text: clean(id)})));
  field.hidden = models.length < 2;
  $('model-name').hidden = models.length > 1;
  field.onchange = () => {
    remember('model', field.value);
    choose(field.value);
  };
  choose(recall('model'));
}

function show({id, lumina = {}}) {
  const {num_parameters: count, context_length: context} = lumina;
  $('model').value = id;
  $('model-name').textContent = clean(id);
  const parameters = count?.toLocaleString(language, {notation: 'compact', maximumSignificantDigits: 3});
  $('facts').textContent = count ? t('facts', {parameters, context}) : '';
}
