// The choice of the next id from logits: greedy, top-k, nucleus (top-p) or min-p.

const PENALIZED_IDS = 64;

/**
 * The chance of each id to come next, (V): what may come, penalty, temperature and filter, as
 * core/inference/sampling/filters.py has them.
 */
export function distribution(logits, { settings, allows, recent = [], numSpecial }) {
  const scores = Float64Array.from(logits, (logit, id) => (allows(id) ? logit : -Infinity));
  for (const id of new Set(recent.slice(-PENALIZED_IDS))) {
    if (id < numSpecial) continue; // to end a turn is no repetition
    const penalty = settings.repetition_penalty;
    scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
  }
  if (settings.sampler === "greedy" || !settings.temperature) return onlyLargest(scores);
  const warmed = scores.map((score) => score / settings.temperature);
  const least = leastKept(warmed, settings);
  return softmax(warmed.map((score, id) => (least(score, id) ? score : -Infinity)));
}

export function sample(logits, { random = Math.random, ...how }) {
  const probs = distribution(logits, how);
  let rest = random();
  const last = probs.findLastIndex((prob) => prob > 0);
  const drawn = probs.findIndex((prob) => (rest -= prob) < 0);
  return drawn < 0 ? last : drawn; // the sum may be a rounding below 1
}

/** Return which scores a sampler keeps. */
function leastKept(scores, { sampler, top_k, top_p, min_p }) {
  if (sampler === "top-k") {
    const least = scores.toSorted().at(-Math.min(top_k, scores.length));
    return (score) => score >= least;
  }
  const probs = softmax(scores);
  if (sampler === "min-p") {
    const least = min_p * Math.max(...probs);
    return (_, id) => probs[id] >= least;
  }
  const order = Array.from(scores.keys()).sort((one, other) => scores[one] - scores[other]);
  let sum = 0; // from the unlikely end, where it is exact
  const kept = new Set(order.filter((id) => (sum += probs[id]) > 1 - top_p)).add(order.at(-1));
  return (_, id) => kept.has(id);
}

export function softmax(scores) {
  const largest = scores.reduce((one, other) => Math.max(one, other));
  const exps = scores.map((score) => Math.exp(score - largest));
  const sum = exps.reduce((one, other) => one + other);
  return exps.map((exp) => exp / sum);
}

function onlyLargest(scores) {
  const largest = Math.max(...scores);
  const probs = new Float64Array(scores.length);
  probs[scores.indexOf(largest)] = 1;
  return probs;
}
