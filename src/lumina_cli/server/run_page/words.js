// Figures in words.

export const number = (value) => value.toLocaleString('en', {maximumSignificantDigits: value >= 1000 ? 9 : 3});

/** Return among how many equally likely characters a choice is as unsure as a loss in nats. */
export const unsure = (nats) => `as unsure as choosing among ${number(Math.exp(Math.min(nats, 50)))} characters`;

/** Return the settings of some runs that are not the same in all: [name, values…]. */
export function differences(runs) {
  const names = [...new Set(runs.flatMap(({settings}) => Object.keys(settings)))];
  const rows = names.map((name) => [name, ...runs.map(({settings}) => settings[name] ?? '–')]);
  return rows.filter(([, ...values]) => new Set(values).size > 1);
}
