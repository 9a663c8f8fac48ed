// The page: what is typed, clicked and shown. All text is shown as text, never as markup.

import { Chat } from "./chat.js";
import { Engine } from "./engine.js";
import { loadModel, loadSession } from "./files.js";
import { sample } from "./sampler.js";
import { Tokenizer } from "./tokenizer.js";

const element = (name) => document.querySelector(`[data-part="${name}"]`);
const [log, status, form, input] = ["log", "status", "form", "input"].map(element);
const [send, stop, clear, settingsForm] = ["send", "stop", "clear", "settings"].map(element);

let isStopped = false;
let chat = null;

function show(role, text = "") {
  const message = document.createElement("p");
  message.className = role;
  message.textContent = text;
  log.append(message);
  message.scrollIntoView({ block: "end" });
  return message;
}

function settings() {
  const values = Object.fromEntries(new FormData(settingsForm));
  const numbers = Object.entries(values).filter(([name]) => name !== "sampler");
  return { sampler: values.sampler, ...Object.fromEntries(numbers.map(([n, v]) => [n, Number(v)])) };
}

function setBusy(isBusy) {
  send.disabled = clear.disabled = isBusy;
  stop.disabled = !isBusy;
}

// Let clicks and drawing have their turn; timers would be slowed down by the browser.
function breathe() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
}

async function answer(text) {
  isStopped = false;
  setBusy(true);
  show("user", text);
  const message = show("bot");
  const started = performance.now();
  try {
    for await (const piece of chat.say(text, { settings: settings(), isStopped: () => isStopped })) {
      message.textContent += piece;
      await breathe();
    }
    const perSecond = message.textContent.length / ((performance.now() - started) / 1000);
    const cut = chat.isCut ? "; the model has forgotten the oldest of what was said" : "";
    status.textContent = `${Math.round(perSecond)} characters a second${cut}`;
  } catch (error) {
    status.textContent = `That went wrong: ${error.message}`;
  }
  setBusy(false);
  input.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (!text || send.disabled) return;
  input.value = "";
  answer(text);
});
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
stop.addEventListener("click", () => {
  isStopped = true;
});
clear.addEventListener("click", () => {
  chat.clear();
  log.replaceChildren();
});

async function start() {
  const model = await loadModel();
  for (const [name, value] of Object.entries(model.sampling)) {
    if (settingsForm.elements[name]) settingsForm.elements[name].value = value;
  }
  const engine = new Engine(await loadSession(), model);
  chat = new Chat(engine, new Tokenizer(model));
  globalThis.lumina = { chat, engine, sample, tokenizer: chat.tokenizer }; // to be tried by hand
  status.textContent = `${model.name}: ${model.parameters.toLocaleString("en")} parameters, ready`;
  setBusy(false);
  stop.disabled = true;
}

start().catch((error) => {
  status.textContent = `The model can't be loaded: ${error.message}`;
});
