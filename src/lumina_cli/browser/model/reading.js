// From messages or a text to what a model reads, as look/reading.py does it.

/** Return {ids, counted}: counted tells whether predicting an id was learnt. */
export function read({ messages = [], text = "", is_ended }, { tokenizer, lossOn }) {
  const { special } = tokenizer;
  const reading = { ids: [special.begin], counted: [false] };
  const add = (ids, counts) => {
    reading.ids.push(...ids);
    reading.counted.push(...ids.map(() => counts));
  };
  if (!messages.length) {
    add([...tokenizer.encode(text), ...(is_ended ? [special.end] : [])], true);
    return reading;
  }
  messages.forEach(({ role, text }, number) => {
    const isOpen = role === "bot" && number === messages.length - 1 && is_ended === false;
    add([special[role]], false);
    add([...tokenizer.encode(text), ...(isOpen ? [] : [special.end])], lossOn === "all" || role === "bot");
  });
  if (messages.at(-1).role !== "bot") add([special.bot], false);
  return reading;
}

/** Return the text of a reading in pieces, from a position on. */
export function piecesOf({ ids, counted }, { tokenizer }, start = 0, stop = ids.length) {
  const { special } = tokenizer;
  const decoder = tokenizer.streamDecoder();
  const roles = ["system", "user", "bot"];
  let speaker = "text";
  const pieces = ids.map((id, t) => {
    speaker = roles.find((role) => special[role] === id) ?? (id === special.begin ? "text" : speaker);
    return { id, text: decoder.decode(id), label: tokenizer.describe(id), speaker, counted: counted[t] };
  });
  return { pieces: pieces.slice(start, stop), num_left_out: start };
}
