/* The tab "recognition": POST /api/face/predict, and /api/face/detect for the other faces of a picture with several. */
import { Problem, get, isAbort, path, upload } from "../core/api.js";
import { announce } from "../core/announce.js";
import { onSubmit } from "../core/busy.js";
import { config } from "../core/config.js";
import { byId, el, fill, icon, showState } from "../core/dom.js";
import { clearFieldErrors, clearProblem, problemText, serverText, showFieldErrors, showProblem } from "../core/errors.js";
import { number, percentOf100, similarity } from "../core/format.js";
import { t, tn } from "../core/messages.js";
import { seesEverybody } from "../core/people.js";
import { makeSourcePicker } from "../core/picker.js";
import { facePicture, releasePictures, setPicture } from "../core/picture.js";
import { verdict } from "../core/verdict.js";
import { similarityScale } from "./recognition/scale.js";
import { verdictOf } from "./recognition/verdict.js";

let picker;
let requests = new AbortController(); // of the picture
let looks = new AbortController(); // of the model
let last = null; // the picture, for other options
let model = null;

export function setUp() {
  picker = makeSourcePicker(byId("recognition-source"), { onFiles: ([file]) => recognise(file) });
  onSubmit(byId("recognition-form"), () => last && recognise(last));
  byId("recognition-another").addEventListener("click", () => {
    byId("recognition-input").scrollIntoView({ block: "start" });
    byId("recognition-source").querySelector("[aria-pressed=true]").focus({ preventScroll: true });
  });
  showState(byId("recognition-answer"), "empty");
}

export function show({ why }) {
  // Whoever comes next need not see whom the last one looked for.
  if (why === "session" && config.access === "token") forgetAll();
  if (!seesEverybody()) {
    picker.stop();
    showState(byId("recognition-body"), "forbidden");
    return undefined;
  }
  if (!["ready", "nobody"].includes(byId("recognition-body").dataset.shown)) showState(byId("recognition-body"), "ready");
  return lookAtModel();
}

export function hide() {
  requests.abort();
  looks.abort();
  picker.stop();
}

/** Whether there is anybody to recognise, and what the model needs. */
async function lookAtModel() {
  looks.abort();
  looks = new AbortController();
  try {
    model = (await get("/api/face/model", { signal: looks.signal })).data;
  } catch (error) {
    if (!isAbort(error)) throw error; // shown above the panel
    return;
  }
  byId("recognition-form-threshold").placeholder = number(model.threshold, 3);
  showState(byId("recognition-body"), model.gallery_size ? "ready" : "nobody");
}

async function recognise(file) {
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  last = file;
  byId("recognition-again").disabled = false;
  const form = byId("recognition-form");
  const answer = byId("recognition-answer");
  clearFieldErrors(form);
  clearProblem(byId("recognition-problem"));
  fill(byId("recognition-verdict"));
  forget(byId("recognition-people"));
  showFaces(file, []);
  showState(answer, "loading");
  announce(t("Comparing …"));
  try {
    const { top_k: topK, threshold } = Object.fromEntries(new FormData(form));
    const { data } = (await upload("/api/face/predict", { file, top_k: topK, threshold }, { signal })).data;
    showState(answer, "filled");
    showAnswer(file, data);
    if (data.warnings.length) await showOthers(file, data, signal);
  } catch (error) {
    if (isAbort(error)) return;
    showState(answer, "error");
    if (showFieldErrors(form, error)) {
      byId("recognition-options").open = true;
      form.querySelector(".is-invalid")?.focus();
      return;
    }
    showFailure(error, file);
  }
}

function showFailure(error, file) {
  if (error instanceof Problem && error.code === "no_face_found") {
    fill(byId("recognition-verdict"), verdict("bad", t("No face was found"), problemText(error)));
    announce(t("No face was found"));
    reveal();
    return;
  }
  showProblem(byId("recognition-problem"), error, { retry: () => recognise(file) });
  reveal();
}

function showAnswer(file, data) {
  const said = verdictOf(data);
  fill(byId("recognition-verdict"), verdict(said.kind, said.title, said.text));
  showFaces(file, [counted(data.face, said)]);
  fill(byId("recognition-people"), warnings(data, said), people(data, said.kind));
  announce(`${said.title}. ${said.text}`);
  reveal();
  if (!data.all_predictions.length) lookAtModel();
}

/** Which of the faces it was about; the others are marked, too. */
async function showOthers(file, data, signal) {
  try {
    const { faces } = (await upload("/api/face/detect", { file }, { signal })).data;
    if (faces.length < 2) return;
    const others = faces.slice(1).map(({ box }) => ({ box, kind: "other" }));
    showFaces(file, [...others, counted(data.face, verdictOf(data))], t("The picture; the largest of {count} faces was compared", { count: faces.length }));
  } catch (error) {
    if (isAbort(error)) throw error; // the answer stands without them
  }
}

function counted(face, { kind, label }) {
  return { box: face.box, landmarks: face.landmarks, label, kind };
}

function showFaces(file, faces, alt = t("The picture")) {
  const room = byId("recognition-picture");
  forget(room);
  fill(room, facePicture({ blob: file, alt, faces }));
}

function warnings({ warnings: said, all_predictions: found }) {
  // Without anybody to compare with, that is told already.
  const texts = found.length ? said : said.slice(1);
  if (!texts.length) return null;
  return el(
    "div",
    { class: "hint recognition-warnings" },
    icon("exclamation-circle"),
    el("ul", {}, texts.map((text) => el("li", {}, serverText(text)))),
  );
}

function people(data, kind) {
  const found = data.all_predictions;
  if (!found.length) {
    return el("div", { class: "row-of" }, el("a", { class: "btn btn-primary", href: "/build", dataset: { tabLink: "build" } }, t("Build the database")));
  }
  const needed = model?.margin ?? 0;
  return [
    el("h4", { class: "recognition-subtitle" }, tn("The most similar person", "The {count} most similar people", found.length)),
    el("ol", { class: "recognition-people" }, found.map((person, index) => row(person, index, data, kind, needed))),
    el("p", { class: "form-text mb-0" }, facts(data, needed)),
  ];
}

function row(person, index, data, kind, needed) {
  const img = el("img", { class: "thumb recognition-thumb", alt: t("The photo of {name} that is most similar", { name: person.name }) });
  setPicture(img, path`/api/photos/${person.user_id}/${person.photo_id}/image`);
  const enough = person.similarity >= data.threshold;
  const shown = index === 0 ? kind : enough ? "warn" : "other";
  return el(
    "li",
    {},
    img,
    el(
      "div",
      { class: "recognition-person" },
      el(
        "p",
        {},
        el("a", { class: "recognition-name", href: `/photos?user=${person.user_id}`, dataset: { tabLink: "photos" } }, person.name),
        el("span", { class: "recognition-value" }, similarity(person.similarity)),
      ),
      el("p", { class: "form-text" }, person.email, el("span", { class: "nowrap" }, t("Confidence {share}", { share: percentOf100(person.confidence, 2) }))),
      similarityScale({ similarity: person.similarity, threshold: data.threshold, margin: index === 0 && enough ? needed : 0, kind: shown }),
    ),
  );
}

function facts({ margin, threshold, model: name, all_predictions: found }, needed) {
  const values = { threshold: similarity(threshold), lead: similarity(margin), needed: similarity(needed), name };
  // A single person is ahead of nobody.
  if (found.length < 2 || !needed) return t("Similarity from -1 to 1; {threshold} is needed. Face model: {name}.", values);
  return t("Similarity from -1 to 1; {threshold} is needed, and a lead of {needed} over the second person (here {lead}). Face model: {name}.", values);
}

/** On a phone the result is below the picture. */
function reveal() {
  const card = byId("recognition-result");
  const { top } = card.getBoundingClientRect();
  if (top > window.innerHeight * 0.6) card.scrollIntoView({ block: "start" });
}

function forgetAll() {
  requests.abort();
  last = null;
  byId("recognition-again").disabled = true;
  for (const part of ["verdict", "problem", "picture", "people"]) forget(byId(`recognition-${part}`));
  showState(byId("recognition-answer"), "empty");
}

function forget(room) {
  releasePictures(room);
  fill(room);
}
