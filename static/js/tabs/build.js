/* The tab "build": jobs that turn photos into the face database. build/board.js follows them, build/result.js tells how
   they ended. */
import { Problem, get, isAbort, path, post } from "../core/api.js";
import { announce } from "../core/announce.js";
import { busy, onSubmit } from "../core/busy.js";
import { config } from "../core/config.js";
import { byId, el, fill, icon, showState } from "../core/dom.js";
import { clearFieldErrors, clearProblem, markField, showFieldErrors, showProblem } from "../core/errors.js";
import { ago, dateTime } from "../core/format.js";
import { t, tn } from "../core/messages.js";
import { makePager } from "../core/pager.js";
import { releasePictures } from "../core/picture.js";
import { replaceQuery } from "../core/router.js";
import { session } from "../core/session.js";
import { getTraining, getUser, makeUserPicker, seesEverybody } from "../core/people.js";
import { isFinished, makeBoard, stateTag } from "./build/board.js";
import { headline, jobResult, jobTitle } from "./build/result.js";

const ASYNC = { Prefer: "respond-async" };
/** A list is read for what runs and what ended, not for results, which may be long. */
const LIST_MASK = "id,kind,user_id,state,cancel_requested,progress{done,total,rate,eta_seconds},created_at,finished_at,error{code,message}";
const JOBS_READ = 100;
/** Cards of jobs under way; a program may have queued hundreds. */
const JOBS_WATCHED = 4;
const JOBS_SHOWN = 6;
const DUE_PER_PAGE = 6;
/** The second click of a double click is never meant, however quick the first one's job was. */
const DOUBLE_CLICK_MS = 700;

const names = new Map(); // id -> name, as far as known
const started = new Set(); // jobs that were started on this page, and run
let requests = new AbortController();
let board;
let picker;
let pager;

export function setUp() {
  board = makeBoard(byId("build-jobs"), { nameOf, onFinished });
  picker = makeUserPicker(byId("build-user"), { onPick: showPerson });
  pager = makePager(byId("build-due-pager"), { perPage: DUE_PER_PAGE, onPage: (page) => loadDue(page) });
  for (const radio of modes()) radio.addEventListener("change", () => showMode(radio.value));
  onSubmit(byId("build-form"), buildOne);
  onSubmit(byId("build-rebuild"), rebuild);
}

export function show({ query, why }) {
  requests.abort();
  requests = new AbortController();
  // Whoever comes next need not see what the last one built.
  if (why === "session" && config.access === "token") {
    board.clear();
    picker.set(null);
    showPerson(null);
  }
  limitToOwn();
  const wanted = query.get("user");
  const mode = query.get("mode");
  if (seesEverybody() && (mode === "rebuild" || (mode === "incremental" && why === "navigation"))) showMode(mode);
  board.resume();
  return Promise.all([
    wanted && why === "navigation" ? choose(wanted) : picker.user && showPerson(picker.user),
    loadDue(pager.page),
    loadJobs(),
  ]);
}

export function hide() {
  requests.abort();
  board.stop();
}

// --- who may what

/** In token mode an ordinary person trains themselves and nobody else. */
function limitToOwn() {
  const own = !seesEverybody();
  byId("build-mode-rebuild").hidden = own;
  if (!own) return;
  showMode("incremental");
  const { user_id: id, name, email } = session.account;
  picker.set({ id, name, email });
  showPerson(picker.user);
}

// --- what to build

function modes() {
  return byId("build-modes").querySelectorAll("input");
}

function showMode(mode) {
  for (const radio of modes()) radio.checked = radio.value === mode;
  byId("build-form").hidden = mode !== "incremental";
  byId("build-rebuild").hidden = mode !== "rebuild";
  replaceQuery({ mode: mode === "rebuild" ? mode : null });
}

/** The person of the address. */
async function choose(id) {
  if (!seesEverybody()) return;
  showMode("incremental");
  if (String(picker.user?.id) === id) return void showPerson(picker.user);
  clearFieldErrors(byId("build-form"));
  try {
    const user = await getUser(id, { signal: requests.signal });
    picker.set(user);
    showPerson(user);
  } catch (error) {
    if (!isAbort(error)) showUserError(error, () => choose(id));
  }
}

async function showPerson(person) {
  const room = byId("build-person");
  room.hidden = !person;
  if (!person) return;
  markField(byId("build-user-input"), "");
  replaceQuery({ user: person.id });
  names.set(person.id, person.name);
  const facts = el("div", { class: "row-of" });
  fill(
    room,
    el("p", {}, el("span", { class: "build-person-name" }, person.name), " ", el("span", { class: "text-body-secondary" }, person.email, " · ", t("ID {id}", { id: String(person.id) }))),
    facts,
  );
  try {
    const known = (await getTraining([person.id], { signal: requests.signal })).get(person.id);
    if (known && picker.user?.id === person.id) fill(facts, standing(known));
  } catch {
    // it can be trained without knowing how many photos there are
  }
}

function standing({ user_id: id, photos, embeddings, missing, without_face: without }) {
  const due = missing - without;
  const link = el("a", { href: `/photos?user=${id}`, dataset: { tabLink: "photos" } }, photos ? t("See the photos") : t("Upload photos"));
  if (!photos) return [el("span", { class: "tag tag-warn" }, t("No photos yet")), link];
  return [
    el("span", { class: "tag" }, tn("{count} photo", "{count} photos", photos)),
    el("span", { class: `tag ${embeddings ? "tag-good" : ""}` }, t("{count} trained", { count: embeddings })),
    due > 0 && el("span", { class: "tag tag-warn" }, t("{count} to train", { count: due })),
    without > 0 && el("span", { class: "tag tag-bad" }, t("{count} without a face", { count: without })),
    link,
  ];
}

async function buildOne() {
  const form = byId("build-form");
  const room = byId("build-form-problem");
  clearProblem(room);
  clearFieldErrors(form);
  try {
    const { user, typed } = await picker.settled();
    if (user && !typed) return await start(user, byId("build-form-force").checked);
    const words = typed ? t("Nobody, or more than one person, fits “{text}”: choose from the list.", { text: typed }) : t("Choose a user first.");
    markField(byId("build-user-input"), words);
    announce(words, { urgent: true });
    picker.focus();
  } catch (error) {
    showUserError(error, () => form.requestSubmit());
  }
  return undefined;
}

function showUserError(error, retry) {
  const form = byId("build-form");
  if (error instanceof Problem && error.code === "user_not_found") error.errors = { user_id: error.message };
  if (showFieldErrors(form, error)) return;
  const room = byId("build-form-problem");
  showProblem(room, error, { retry });
  if (error.code === "no_usable_photos") addPhotosLink(room, picker.user?.id);
}

function addPhotosLink(room, id) {
  const link = el("a", { class: "btn btn-sm btn-outline-secondary", href: id ? `/photos?user=${id}` : "/photos", dataset: { tabLink: "photos" } }, t("Go to the photos"));
  room.querySelector(".problem-text")?.after(el("div", { class: "problem-actions" }, link));
}

/** Start a person's job, or show the one that is under way already. */
async function start(person, force = false) {
  const running = board.has((job) => job.user_id === person.id);
  if (running) return point(running);
  await unhurried(async () => {
    const { data } = await post("/api/training/incremental", { user_id: person.id, force }, { headers: ASYNC });
    names.set(person.id, person.name);
    follow(data, "incremental", person.id);
  });
  return undefined;
}

async function rebuild() {
  const room = byId("build-rebuild-problem");
  clearProblem(room);
  const running = board.has((job) => job.kind === "rebuild");
  if (running) return point(running);
  try {
    await unhurried(async () => {
      const { data } = await post("/api/training/start", {}, { headers: ASYNC });
      follow(data, "rebuild", null);
    });
  } catch (error) {
    showProblem(room, error, { retry: () => byId("build-rebuild").requestSubmit() });
  }
  return undefined;
}

async function unhurried(work) {
  await Promise.all([work(), new Promise((resolve) => setTimeout(resolve, DOUBLE_CLICK_MS))]);
}

function follow({ job_id: id, state }, kind, userId) {
  const progress = { done: 0, total: null, rate: null, eta_seconds: null };
  const card = board.watch({ id, kind, user_id: userId, state: isFinished({ state }) ? "running" : state, cancel_requested: false, progress }, { fresh: true });
  started.add(id);
  announce(t("The build has started."));
  bringIntoView(card.view);
}

/** It runs already: show where. */
function point(card) {
  bringIntoView(card.view);
  card.title.focus({ preventScroll: true });
}

function bringIntoView(node) {
  const { top } = node.getBoundingClientRect();
  if (top < document.querySelector(".topbar").getBoundingClientRect().bottom || top > window.innerHeight * 0.6) node.scrollIntoView({ block: "start" });
}

function onFinished(job, view) {
  if (requests.signal.aborted) return;
  // The result is longer than the bar was; the page has kept what is below it in its place.
  if (view && started.delete(job.id)) bringIntoView(view);
  loadDue(pager.page);
  loadJobs();
  if (picker.user && (job.kind === "rebuild" || job.user_id === picker.user.id)) showPerson(picker.user);
}

// --- who is due

async function loadDue(page) {
  const body = byId("build-due-body");
  const room = byId("build-due-problem");
  const { signal } = requests;
  try {
    const { data, total } = await get("/api/training/status", { query: { due: "true", page, per_page: DUE_PER_PAGE }, signal });
    if (!data.users.length && page > 1) return loadDue(1);
    clearProblem(room);
    for (const { user_id: id, name } of data.users) names.set(id, name);
    fill(byId("build-due-rows"), data.users.map(dueRow));
    pager.update({ page, total });
    byId("build-gallery").textContent = data.model
      ? t("Face model {model}, in use since {time}", { model: data.model, time: dateTime(data.trained_at) })
      : "";
    showState(body, total ? "due" : (await anybody(signal)) ? "done" : "nothing");
  } catch (error) {
    if (isAbort(error)) return undefined;
    if (!body.dataset.shown || body.dataset.shown === "loading") showState(body, "error");
    showProblem(room, error, { retry: () => loadDue(page) });
  }
  return undefined;
}

/** Whether there are users at all. */
async function anybody(signal) {
  return (await get("/api/training/status", { query: { per_page: 1 }, signal })).total > 0;
}

function dueRow({ user_id: id, name, embeddings, missing, without_face: without }) {
  const button = el(
    "button",
    { class: "btn btn-sm btn-outline-primary", type: "button" },
    icon("lightning-charge-fill"),
    el("span", { class: "btn-text" }, t("Build")),
    el("span", { class: "visually-hidden" }, ` ${name}`),
    el("span", { class: "spinner", "aria-hidden": "true" }),
  );
  button.addEventListener("click", () =>
    busy(button, async () => {
      clearProblem(byId("build-due-problem"));
      try {
        await start({ id, name });
      } catch (error) {
        showProblem(byId("build-due-problem"), error, { retry: () => button.click() });
      }
    }),
  );
  const words = tn("{count} new photo", "{count} new photos", missing - without);
  return el(
    "li",
    { class: "build-row" },
    el(
      "div",
      {},
      el("p", { class: "build-row-name" }, name),
      el("p", { class: "form-text" }, words, " · ", embeddings ? t("{count} trained", { count: embeddings }) : t("not trained yet")),
    ),
    button,
  );
}

// --- jobs

async function loadJobs() {
  const body = byId("build-recent-body");
  const room = byId("build-recent-problem");
  const { signal } = requests;
  try {
    const { data } = await get("/api/training/jobs", { query: { per_page: JOBS_READ }, headers: { "X-Fields": LIST_MASK }, signal });
    clearProblem(room);
    const ended = data.filter(isFinished).slice(0, JOBS_SHOWN);
    const running = data.filter((job) => !isFinished(job)).reverse().sort((one, other) => (other.state === "running") - (one.state === "running"));
    await learnNames([...ended, ...running.slice(0, JOBS_WATCHED)], signal);
    for (const job of running.slice(0, JOBS_WATCHED)) board.watch(job);
    if (!ended.length) return showState(body, "empty");
    showRecent(ended);
    showState(body, "filled");
  } catch (error) {
    if (isAbort(error)) return undefined;
    if (body.dataset.shown !== "filled") showState(body, "error");
    showProblem(room, error, { retry: loadJobs });
  }
  return undefined;
}

/** A list that has not changed keeps what is unfolded, and the focus. */
function showRecent(jobs) {
  const list = byId("build-recent-rows");
  const ids = jobs.map((job) => job.id).join();
  if (list.dataset.ids === ids) return;
  list.dataset.ids = ids;
  releasePictures(list);
  fill(list, jobs.map(jobRow));
}

function jobRow(job) {
  const room = el("div", { class: "build-details", id: `build-details-${job.id}`, hidden: true });
  const button = el(
    "button",
    { class: "btn btn-sm btn-outline-secondary", type: "button", "aria-expanded": "false", "aria-controls": room.id },
    t("Details"),
    el("span", { class: "visually-hidden" }, ` ${jobTitle(job, nameOf)}`),
  );
  button.addEventListener("click", () =>
    busy(button, async () => {
      const open = room.hidden;
      if (open) await showDetails(room, job);
      room.hidden = !open;
      button.setAttribute("aria-expanded", String(open));
    }),
  );
  const time = el("time", { datetime: job.finished_at, title: dateTime(job.finished_at) }, ago(job.finished_at));
  return el(
    "li",
    {},
    el(
      "div",
      { class: "build-row" },
      el("div", {}, el("p", { class: "build-row-name" }, jobTitle(job, nameOf)), el("p", { class: "form-text" }, time)),
      stateTag(job),
      button,
    ),
    room,
  );
}

async function showDetails(room, { id }) {
  try {
    const { data } = await get(path`/api/training/jobs/${id}`, { signal: requests.signal });
    releasePictures(room);
    fill(room, el("p", {}, headline(data, nameOf)), jobResult(data));
  } catch (error) {
    showProblem(room, error, { retry: () => showDetails(room, { id }) });
  }
}

// --- names

function nameOf(id) {
  return names.get(id) ?? t("user {id}", { id: String(id) });
}

async function learnNames(jobs, signal) {
  const unknown = [...new Set(jobs.map((job) => job.user_id))].filter((id) => id !== null && !names.has(id));
  if (!unknown.length) return;
  try {
    for (const [id, { name }] of await getTraining(unknown, { signal })) names.set(id, name);
  } catch (error) {
    if (isAbort(error)) throw error;
    // "user 3" has to do
  }
}
