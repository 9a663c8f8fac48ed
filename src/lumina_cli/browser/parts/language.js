// How a page says what stands in its table of strings: in the language of the address, or the browser's.

/** Return what says the strings of a table, {language: {key: text}}; `{name}` stands for a value. */
export function speak(strings) {
  const language = chooseLanguage(strings, new URLSearchParams(location.search).get('lang'), navigator.languages);
  const t = (key, values = {}) => strings[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  return {language, t, percent: (prob) => percent(prob, language), translate: () => translate(language, t)};
}

function chooseLanguage(strings, wished, others) {
  const names = [wished ?? '', ...others].map((name) => name.slice(0, 2).toLowerCase());
  return names.find((name) => Object.hasOwn(strings, name)) ?? 'en';
}

/** Return a probability as a person reads it. */
function percent(prob, language) {
  const format = (value) => value.toLocaleString(language, {style: 'percent', maximumFractionDigits: value < 0.01 ? 1 : 0});
  if (prob < 0.001) return '< ' + format(0.001);
  return prob > 0.995 && prob < 1 ? '> ' + format(0.99) : format(prob);
}

function translate(language, t) {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll('[data-t-label]')) {
    element.ariaLabel = t(element.dataset.tLabel);
    if (element.type === 'button') element.title = element.ariaLabel;
  }
}
