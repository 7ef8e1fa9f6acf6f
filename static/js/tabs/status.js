/* The tab "status": GET /api/health, /api/face/model, /api/breed/model and /api/cough, each shown as soon as it is there. */
import { get, isAbort } from "../core/api.js";
import { busy } from "../core/busy.js";
import { byId, el, fill, icon, showState } from "../core/dom.js";
import { clearProblem, serverText, showProblem } from "../core/errors.js";
import { bytes, number, percent } from "../core/format.js";
import { t, tn } from "../core/messages.js";
import { announce } from "../core/announce.js";

const PARTS = {
  database: () => [t("Database"), icon("database")],
  disk: () => [t("Disk"), icon("hdd")],
  face_model: () => [t("Face model"), icon("person-bounding-box")],
  breed_model: () => [t("Breed model"), icon("search-heart")],
  cough_model: () => [t("Cough model"), icon("soundwave")],
  jobs: () => [t("Jobs"), icon("list-task")],
  photos: () => [t("Photos"), icon("images")],
  history: () => [t("Pictures of the history"), icon("clock-history")],
  events: () => [t("Photos of events"), icon("calendar-event")],
};
const MODELS = {
  face: { path: "/api/face/model", view: faceModel },
  breed: { path: "/api/breed/model", view: breedModel },
  cough: { path: "/api/cough", view: coughModel },
};

/** How soon the parts are asked again: what is ill, or just starting, is of more interest. */
const AGAIN_MS = { ill: 3000, well: 30_000 };

let requests = new AbortController();
let again = null;

export function setUp() {
  const refresh = byId("status-refresh");
  refresh.addEventListener("click", () =>
    busy(refresh, async () => {
      await load();
      announce(t("The status is up to date."));
    }),
  );
}

export function show() {
  return load();
}

export function hide() {
  requests.abort();
  clearTimeout(again);
}

function load() {
  hide();
  requests = new AbortController();
  const { signal } = requests;
  return Promise.all([loadParts(signal), ...Object.keys(MODELS).map((name) => loadModel(name, signal))]);
}

async function loadParts(signal) {
  clearTimeout(again);
  const body = byId("status-body");
  const problem = byId("status-problem");
  if (body.dataset.shown !== "filled") showState(body, "loading");
  try {
    const { data } = await get("/api/health", { signal });
    clearProblem(problem);
    showHealth(data);
    showState(body, "filled");
    again = setTimeout(() => loadParts(signal), data.ready ? AGAIN_MS.well : AGAIN_MS.ill);
  } catch (error) {
    if (isAbort(error)) return;
    if (body.dataset.shown !== "filled") showState(body, "error");
    showProblem(problem, error, { retry: load });
  }
}

function showHealth({ ready, version, parts }) {
  const ill = parts.filter((part) => !part.ok).length;
  fill(
    byId("status-summary"),
    el("div", { class: `status-light status-light-${ready ? "good" : "bad"}` }, ready ? icon("check-circle") : icon("exclamation-triangle")),
    el(
      "div",
      {},
      el("p", { class: "status-headline" }, ready ? t("Everything works") : tn("{count} part cannot do its work", "{count} parts cannot do their work", ill)),
      version && el("p", { class: "text-body-secondary" }, t("Version {version}", { version })),
    ),
  );
  fill(byId("status-parts"), parts.map(partRow));
}

function partRow({ name, ok, detail, facts }) {
  const [title, symbol] = PARTS[name]?.() ?? [name, icon("circle")];
  return el(
    "li",
    {},
    symbol,
    el(
      "div",
      { class: "status-part" },
      el("span", { class: "status-part-name" }, title),
      el("span", { class: "text-body-secondary" }, partDetail(name, detail, facts)),
    ),
    ok ? badge("good", t("Works")) : badge("bad", t("Does not work")),
  );
}

/** Figures in the visitor's language where there are some; else the part's own words. */
function partDetail(name, detail, facts) {
  if (name === "disk" && facts.free_bytes !== undefined) return t("{size} free", { size: bytes(facts.free_bytes) });
  if (name === "jobs" && facts.workers !== undefined && facts.workers > 0) {
    return t("{running} running, {queued} waiting", { running: facts.running, queued: facts.queued });
  }
  const text = serverText(detail) ?? "";
  const named = name.endsWith("_model") && facts.model; // starts with the model's name, which is written as it is
  return named ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

async function loadModel(name, signal) {
  const room = byId("status-body").querySelector(`[data-model="${name}"]`);
  const { path, view } = MODELS[name];
  try {
    const { data } = await get(path, { signal });
    fill(room, view(data));
  } catch (error) {
    if (isAbort(error)) return;
    // The banner and the parts say it, and all is asked again once the server is back: what was known stays till then.
    if (error.code === "offline") {
      if (!room.querySelector(".facts")) fill(room, el("p", { class: "text-body-secondary" }, t("Not known while the server does not answer.")));
    } else showProblem(room, error, { retry: () => loadModel(name, signal) });
  }
}

function faceModel(model) {
  return facts(
    model.loaded ? badge("good", t("Loaded")) : badge("neutral", t("Not loaded yet")),
    [
      [t("Name"), model.name],
      [t("Licence"), licence(model.licence, model.commercial_use)],
      [t("People enrolled"), number(model.gallery_size)],
      [t("Photos"), number(model.embeddings)],
      [t("Similarity needed"), t("{one} to recognise, {two} to verify", { one: number(model.threshold, 3), two: number(model.verification_threshold, 3) })],
      [t("Strangers taken for somebody"), t("at most {share}", { share: percent(model.target_fpir) })],
      [t("Search"), model.index.kind === "exact" ? t("exact") : t("index, finds {share} of the best matches", { share: percent(model.index.recall) })],
      [t("Source"), model.source],
    ],
  );
}

function breedModel(model) {
  const accuracy = model.accuracy?.top_1;
  return facts(
    model.kind === "user" ? badge("good", t("Your own model")) : badge("neutral", t("Built in")),
    [
      [t("Name"), model.name],
      [t("Licence"), model.licence],
      [t("Breeds"), number(model.classes)],
      [t("Right at first guess"), typeof accuracy === "number" ? percent(accuracy) : null],
      [t("Source"), model.source],
    ],
  );
}

function coughModel({ model, problem, notice }) {
  if (!model) return el("p", { class: "text-danger-emphasis" }, serverText(problem));
  return [
    facts(
      model.built_in ? badge("neutral", t("Built in")) : badge("good", t("Your own model")),
      [
        [t("Name"), model.name],
        [t("Licence"), model.licence],
        [t("Tells apart"), model.classes.join(", ")],
        [t("How good it is"), model.accuracy],
        [t("Source"), model.source],
      ],
    ),
    el("p", { class: "form-text" }, serverText(notice)),
  ];
}

function licence(text, commercial) {
  return commercial === false ? [text, " ", badge("warn", t("Not for commercial use"))] : text;
}

function facts(state, rows) {
  const known = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("div", {}, el("p", {}, state), el("dl", { class: "facts" }, known.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))));
}

function badge(kind, text) {
  return el("span", { class: `tag tag-${kind}` }, text);
}
