/* The tab "cough": POST /api/cough/predict with a recording of the microphone or a file. */
import { get, isAbort, upload } from "../core/api.js";
import { announce } from "../core/announce.js";
import { byId, el, fill, icon, on, showState } from "../core/dom.js";
import { clearProblem, serverText, showProblem, showText } from "../core/errors.js";
import { number, percent } from "../core/format.js";
import { t, tn } from "../core/messages.js";
import { makeMicrophone } from "../core/microphone.js";
import { makePicker } from "../core/picker.js";
import { setPicture } from "../core/picture.js";
import { verdict } from "../core/verdict.js";

/** What the classes of the built-in model and of the source are called; those of other models are shown as they are. */
const CLASSES = {
  cough: () => [t("Cough"), t("This is a cough")],
  "non-cough": () => [t("No cough"), t("This is no cough")],
  dry: () => [t("Dry cough"), t("This is a dry cough")],
  wet: () => [t("Wet cough"), t("This is a wet cough")],
};

let microphone;
let requests = new AbortController(); // of the recording
let looks = new AbortController(); // of the model
let sound = null; // blob URL of the recording
let listenedTo = 0; // seconds

export function setUp() {
  microphone = makeMicrophone(byId("cough-microphone"), { onRecording: (file) => ask(file) });
  makePicker(byId("cough-file"), { onFiles: ([file]) => ask(file) });
  byId("cough-picture").prepend(el("img", { id: "cough-spectrogram", alt: "" }));
  byId("cough-another").addEventListener("click", () => {
    byId("cough-input").scrollIntoView({ block: "start" });
    byId("cough-microphone").querySelector("button").focus({ preventScroll: true });
  });
  const player = byId("cough-player");
  player.addEventListener("error", () => {
    player.hidden = true; // this browser cannot play what the API could read
  });
  player.addEventListener("timeupdate", moveHead);
  on(byId("cough-result"), "click", "[data-start]", (_event, place) => listenFrom(Number(place.dataset.start)));
  showState(byId("cough-answer"), "empty");
}

export function show() {
  return lookAtModel();
}

export function hide() {
  requests.abort();
  looks.abort();
  microphone.stop();
  byId("cough-player").pause();
  if (byId("cough-answer").dataset.shown === "loading") showState(byId("cough-answer"), "empty");
}

/** Which model answers, or why none does. */
async function lookAtModel() {
  looks.abort();
  looks = new AbortController();
  try {
    const { data } = await get("/api/cough", { signal: looks.signal });
    const known = data.model && t("{name} tells apart: {classes}.", { name: data.model.name, classes: data.model.classes.map(nameOf).join(", ") });
    fill(byId("cough-model"), known && icon("cpu"), known);
    if (data.model) clearProblem(byId("cough-model-problem"));
    else showText(byId("cough-model-problem"), serverText(data.problem));
  } catch (error) {
    if (!isAbort(error)) throw error; // shown above the panel
  }
}

async function ask(file) {
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  const answer = byId("cough-answer");
  clearProblem(byId("cough-problem"));
  fill(byId("cough-verdict"));
  fill(byId("cough-warnings"));
  showState(answer, "loading");
  announce(t("Listening …"));
  play(file);
  try {
    const { data } = await upload("/api/cough/predict", { file }, { signal });
    showAnswer(data);
    showState(answer, "filled");
    reveal();
  } catch (error) {
    if (isAbort(error)) return;
    showState(answer, "error");
    showProblem(byId("cough-problem"), error, { retry: () => ask(file) });
    reveal();
  }
}

function showAnswer(data) {
  listenedTo = data.quality.duration_seconds;
  const title = CLASSES[data.prediction]?.()[1] ?? data.prediction;
  const text = t("Confidence {share}.", { share: percent(Number.parseFloat(data.confidence) / 100, 2) });
  const symbol = data.prediction === "non-cough" ? icon("volume-mute") : icon("soundwave");
  fill(byId("cough-verdict"), verdict("plain", title, text, symbol));
  fill(byId("cough-warnings"), data.warnings.map((warning) => el("p", { class: "hint" }, icon("exclamation-triangle"), el("span", {}, serverText(warning)))));
  showPicture(data);
  fill(byId("cough-scores"), Object.entries(data.raw_scores).sort(byShare).map(bar));
  announce([`${title}. ${text}`, places(data.segments)].join(" "));
}

// --- where the coughs are

function showPicture({ spectrogram_url: address, segments }) {
  const image = byId("cough-spectrogram");
  setPicture(image, address);
  image.alt = [t("Spectrogram of {seconds} s of sound.", { seconds: number(listenedTo, 1) }), places(segments)].join(" ");
  byId("cough-end").textContent = `${number(listenedTo, 1)} s`;
  byId("cough-head").hidden = true;
  fill(byId("cough-segments"), segments.map(mark));
  fill(
    byId("cough-places"),
    segments.length > 0 && el("p", { class: "cough-places-text" }, places(segments)),
    segments.length > 0 && el("div", { class: "row-of" }, segments.map(placeButton)),
  );
}

function places(segments) {
  return segments.length ? tn("Cough heard in {count} place.", "Coughs heard in {count} places.", segments.length) : "";
}

/** Decoration: the buttons below say the same, and are large enough for a finger. */
function mark({ start, end }) {
  const node = el("div", { class: "cough-mark", dataset: { start }, "aria-hidden": "true" });
  node.style.left = `${share(start) * 100}%`;
  node.style.width = `${Math.max(share(end) - share(start), 0.005) * 100}%`;
  return node;
}

function placeButton({ start, end, score }) {
  const text = t("{start} to {end} s", { start: number(start, 1), end: number(end, 1) });
  return el("button", { class: "btn btn-outline-secondary", type: "button", dataset: { start } }, icon("play-fill"), text, el("span", { class: "text-body-secondary" }, percent(score, 0)));
}

function share(seconds) {
  return listenedTo ? Math.min(seconds / listenedTo, 1) : 0;
}

// --- listening to it

function play(file) {
  const player = byId("cough-player");
  player.pause();
  if (sound) URL.revokeObjectURL(sound);
  sound = URL.createObjectURL(file);
  player.hidden = false;
  player.src = sound;
}

async function listenFrom(seconds) {
  const player = byId("cough-player");
  if (player.hidden) return;
  player.currentTime = seconds;
  try {
    await player.play();
  } catch {
    // the browser wants a click on the player itself first
  }
}

function moveHead() {
  const head = byId("cough-head");
  const { currentTime } = byId("cough-player");
  head.hidden = !listenedTo || currentTime > listenedTo;
  head.style.left = `${share(currentTime) * 100}%`;
}

// --- scores

function byShare([, one], [, other]) {
  return Number.parseFloat(other) - Number.parseFloat(one);
}

function bar([name, text]) {
  const value = Number.parseFloat(text) / 100;
  const filled = el("span", { class: "cough-bar-filled" });
  filled.style.width = `${value * 100}%`;
  return el(
    "li",
    {},
    el("div", { class: "cough-bar-text" }, el("span", {}, nameOf(name)), el("span", { class: "num" }, percent(value))),
    el("div", { class: "cough-bar", "aria-hidden": "true" }, filled),
  );
}

function nameOf(name) {
  return CLASSES[name]?.()[0] ?? name;
}

/** Below the recorder on a phone: what was asked for must be seen. */
function reveal() {
  const result = byId("cough-result");
  if (result.getBoundingClientRect().top > window.innerHeight * 0.6) result.scrollIntoView({ block: "start" });
}
