/* The tab "history": what was asked about breeds and coughs; GET and DELETE of /api/breed/history and /api/cough/history. */
import { announce, notice } from "../core/announce.js";
import { del, download, get } from "../core/api.js";
import { busy } from "../core/busy.js";
import { confirm, openDialog } from "../core/dialog.js";
import { byId, el, fill, icon, on, showState } from "../core/dom.js";
import { clearProblem, serverText, showProblem } from "../core/errors.js";
import { dateTime, number, percent } from "../core/format.js";
import { t, tn } from "../core/messages.js";
import { makePager } from "../core/pager.js";
import { getUser, makeUserPicker, seesEverybody } from "../core/people.js";
import { replaceQuery } from "../core/router.js";

const PER_PAGE = 20;
const GUESTS = "guest";
/** What the classes of the built-in cough model and of the source are called. */
const SOUNDS = { cough: () => t("Cough"), "non-cough": () => t("No cough"), dry: () => t("Dry cough"), wet: () => t("Wet cough") };
const KINDS = {
  breed: {
    path: "/api/breed/history",
    result: (entry) => (entry.is_dog === false ? t("Not a dog") : title(entry.predicted_breed)),
    file: (entry) => entry.image_filename,
    picture: (entry) => entry.image_url,
    details: (entry) => [[t("Nearest breed"), entry.is_dog === false ? title(entry.predicted_breed) : null]],
  },
  cough: {
    path: "/api/cough/history",
    result: (entry) => SOUNDS[entry.prediction]?.() ?? entry.prediction,
    file: (entry) => entry.filename,
    picture: (entry) => entry.spectrogram_url,
    details: (entry) => [
      [t("Coughs at"), entry.segments.map(({ start, end }) => t("{start} to {end} s", { start: number(start, 1), end: number(end, 1) })).join(", ")],
      [t("How probable"), Object.entries(entry.raw_scores).map(([name, share]) => `${SOUNDS[name]?.() ?? name} ${shareText(share)}`).join(", ")],
    ],
  },
};

const view = { kind: "breed", whose: "", page: 1, entries: new Map() };
let pager;
let people;
let requests = new AbortController();

export function setUp(panel) {
  pager = makePager(byId("history-pager"), { perPage: PER_PAGE, onPage: (page) => look({ page }) });
  people = makeUserPicker(byId("history-user"), { onPick: (user) => look({ whose: String(user.id), page: 1 }) });
  on(panel, "click", "[data-kind]", (_event, button) => look({ kind: button.dataset.kind, page: 1 }));
  on(panel, "click", "[data-open]", (_event, button) => open(view.entries.get(button.dataset.open)));
  on(panel, "click", "[data-remove]", (_event, button) => remove(view.entries.get(button.dataset.remove)));
  byId("history-whose").addEventListener("change", ({ target }) => {
    byId("history-user-room").hidden = target.value !== "user";
    if (target.value === "user") people.focus();
    else look({ whose: target.value, page: 1 });
  });
  byId("history-csv").addEventListener("click", ({ currentTarget }) => busy(currentTarget, saveCsv));
  byId("history-delete-page").addEventListener("click", removePage);
}

export async function show({ query }) {
  view.kind = query.get("kind") === "cough" ? "cough" : "breed";
  view.page = /^[1-9]\d{0,6}$/.test(query.get("page") ?? "") ? Number(query.get("page")) : 1;
  const whose = query.get("user") ?? "";
  view.whose = seesEverybody() && (whose === GUESTS || /^\d+$/.test(whose)) ? whose : "";
  byId("history-whose-room").hidden = !seesEverybody();
  const named = view.whose !== "" && view.whose !== GUESTS;
  byId("history-whose").value = named ? "user" : view.whose;
  byId("history-user-room").hidden = !named;
  if (named) getUser(view.whose).then(people.set, () => {}); // only the name in the field
  await load();
}

export function hide() {
  requests.abort();
}

function look(change) {
  Object.assign(view, change);
  replaceQuery({ kind: view.kind, page: view.page === 1 ? null : view.page, user: view.whose || null });
  return load();
}

async function load() {
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  const { kind, page } = view;
  const body = byId("history-body");
  for (const button of body.querySelectorAll("[data-kind]")) {
    button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
    button.classList.toggle("active", button.dataset.kind === kind);
  }
  byId("history-notice").hidden = kind !== "cough";
  if (body.dataset.shown !== "filled") showState(body, "loading");
  body.setAttribute("aria-busy", "true");
  try {
    const query = { page, per_page: PER_PAGE, user_id: view.whose };
    const { data, total } = await get(KINDS[kind].path, { query, signal });
    if (!data.length && page > 1 && total) return await look({ page: Math.ceil(total / PER_PAGE) }); // the last one was emptied
    view.entries = new Map(data.map((entry) => [String(entry.id), entry]));
    clearProblem(byId("history-problem"));
    draw(data, total);
  } catch (error) {
    if (signal.aborted) return undefined;
    showState(body, "error");
    showProblem(byId("history-problem"), error, { retry: load });
  }
  body.removeAttribute("aria-busy");
  return undefined;
}

function draw(entries, total) {
  const count = tn("{count} entry", "{count} entries", total);
  byId("history-count").textContent = count;
  fill(byId("history-list"), entries.map(row));
  pager.update({ page: view.page, total });
  showState(byId("history-body"), entries.length ? "filled" : "empty");
  announce(entries.length ? count : t("Nothing here yet"));
}

function row(entry) {
  const kind = KINDS[view.kind];
  const file = kind.file(entry);
  const facts = [when(entry), file, owner(entry)].filter(Boolean);
  return el(
    "li",
    { class: "history-entry", dataset: { entry: entry.id } },
    thumbnail(entry),
    el(
      "div",
      { class: "history-text" },
      el("p", { class: "history-result" }, kind.result(entry), entry.is_dog === false ? null : el("span", { class: "num text-body-secondary" }, shareText(entry.confidence))),
      el("p", { class: "history-facts" }, facts.join(" · ")),
    ),
    el(
      "div",
      { class: "history-buttons" },
      el("button", { class: "btn btn-outline-secondary btn-icon", type: "button", dataset: { open: entry.id }, "aria-label": t("Details of {name}", { name: file }), title: t("Details") }, icon("eye")),
      el("button", { class: "btn btn-outline-danger btn-icon", type: "button", dataset: { remove: entry.id }, "aria-label": t("Delete {name}", { name: file }), title: t("Delete") }, icon("trash")),
    ),
  );
}

/** The addresses are as good as passwords, so no token is needed. */
function thumbnail(entry) {
  const address = KINDS[view.kind].picture(entry);
  const room = el("div", { class: `history-thumbnail history-thumbnail-${view.kind}` });
  if (!address) return room;
  const image = el("img", { src: address, alt: "", loading: "lazy" });
  image.addEventListener("error", () => image.remove(), { once: true });
  room.append(image);
  return room;
}

function open(entry) {
  const kind = KINDS[view.kind];
  const address = kind.picture(entry);
  const rows = [
    [t("Result"), kind.result(entry)],
    [t("Confidence"), entry.is_dog === false ? null : shareText(entry.confidence)],
    ...kind.details(entry),
    [t("Time"), when(entry)],
    [t("File"), kind.file(entry)],
    [t("User"), owner(entry)],
    [t("Model"), entry.model],
  ].filter(([, value]) => value);
  const picture = address && el("img", { class: `history-picture history-picture-${view.kind}`, src: address, alt: view.kind === "cough" ? t("Picture of the sound") : t("The picture: {name}", { name: kind.file(entry) }) });
  picture?.addEventListener("error", () => picture.replaceWith(el("p", { class: "hint" }, t("The picture is gone."))), { once: true });
  const facts = el("dl", { class: "facts" }, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  const body = el("div", { class: "stack" }, picture, facts, entry.notice && el("p", { class: "form-text" }, serverText(entry.notice)));
  openDialog({ title: kind.result(entry), body, ok: null, cancel: t("Close"), wide: true });
}

// --- deleting

async function remove(entry) {
  const name = KINDS[view.kind].file(entry);
  const gone = await confirm({
    title: t("Delete {name}", { name }),
    text: t("The answer and its picture are deleted for good."),
    ok: t("Delete"),
    danger: true,
    work: () => del(`${KINDS[view.kind].path}/${entry.id}`),
  });
  if (!gone) return;
  notice(t("Deleted."));
  await load();
}

async function removePage() {
  const ids = [...view.entries.keys()];
  const gone = await confirm({
    title: t("Delete this page"),
    text: tn("{count} entry and its picture are deleted for good.", "{count} entries and their pictures are deleted for good.", ids.length),
    ok: t("Delete"),
    danger: true,
    work: () => del(KINDS[view.kind].path, { query: { ids: ids.join(",") } }),
  });
  if (!gone) return;
  notice(t("Deleted."));
  await load();
}

async function saveCsv() {
  clearProblem(byId("history-problem"));
  try {
    await download(KINDS[view.kind].path, `${view.kind}-history.csv`, { query: { format: "csv", user_id: view.whose } });
  } catch (error) {
    showProblem(byId("history-problem"), error);
  }
}

// --- words

/** The API's "2026-01-22 10:05:00" is UTC. */
function when({ timestamp }) {
  return dateTime(`${timestamp.replace(" ", "T")}Z`);
}

function owner({ user_id: id }) {
  if (!seesEverybody()) return null;
  return id === null ? t("Guest") : t("User {id}", { id });
}

/** Of the API's "97.31%". */
function shareText(text) {
  return percent(Number.parseFloat(text) / 100, 2);
}

function title(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
