// The choice of the next id from logits: greedy, top-k, nucleus (top-p) or min-p.

const PENALIZED_IDS = 64;

export function sample(logits, { settings, allows, recent, numSpecial, random = Math.random }) {
  const scores = Float64Array.from(logits, (logit, id) => (allows(id) ? logit : -Infinity));
  for (const id of new Set(recent.slice(-PENALIZED_IDS))) {
    if (id < numSpecial) continue; // to end a turn is no repetition
    const penalty = settings.repetition_penalty;
    scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
  }
  if (settings.sampler === "greedy" || !settings.temperature) return indexOfLargest(scores);
  const probs = softmax(scores.map((score) => score / settings.temperature));
  const order = Array.from(probs.keys()).sort((one, other) => probs[other] - probs[one]);
  const kept = order.slice(0, numKept(order, probs, settings));
  return draw(kept, probs, random);
}

function numKept(order, probs, settings) {
  if (settings.sampler === "top-k") return Math.min(settings.top_k, order.length);
  if (settings.sampler === "min-p") {
    const least = settings.min_p * probs[order[0]];
    return Math.max(order.filter((id) => probs[id] >= least).length, 1);
  }
  let sum = 0;
  const crossing = order.findIndex((id) => (sum += probs[id]) >= settings.top_p);
  return crossing < 0 ? order.length : crossing + 1;
}

function draw(kept, probs, random) {
  let rest = random() * kept.reduce((sum, id) => sum + probs[id], 0);
  for (const id of kept) {
    rest -= probs[id];
    if (rest < 0) return id;
  }
  return kept[0];
}

function softmax(scores) {
  const largest = scores.reduce((one, other) => Math.max(one, other));
  const exps = scores.map((score) => Math.exp(score - largest));
  const sum = exps.reduce((one, other) => one + other);
  return exps.map((exp) => exp / sum);
}

function indexOfLargest(scores) {
  let best = 0;
  scores.forEach((score, id) => {
    if (score > scores[best]) best = id;
  });
  return best;
}
