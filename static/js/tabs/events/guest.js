/* One event for a guest, /events?event=12: open it with its password; then the photos with oneself (results.js, by a
   selfie: selfie.js), or all of them (all.js); keep, save, hide. ?photos=all shows all photos. Whose token ends is asked
   for the password where they are (access.js). */
import { announce, notice } from "../../core/announce.js";
import { Problem, del, get, isAbort, pages, path, put } from "../../core/api.js";
import { busy, onSubmit } from "../../core/busy.js";
import { confirm } from "../../core/dialog.js";
import { byId, el, icon, on, showState } from "../../core/dom.js";
import { clearFieldErrors, clearProblem, markField, showFieldErrors, showProblem } from "../../core/errors.js";
import { forgetToken, tokenHeaders } from "../../core/event_tokens.js";
import { number } from "../../core/format.js";
import { t, tn } from "../../core/messages.js";
import { replaceQuery } from "../../core/router.js";
import { session } from "../../core/session.js";
import { isClosed, keepPhotos, openEvent, opened, whyClosed } from "./access.js";
import { makeAllPhotos } from "./all.js";
import { day } from "./day.js";
import { makeDownloads, saveOne } from "./download.js";
import { setHead, viewLink } from "./frame.js";
import { openLightbox } from "./lightbox.js";
import { sharing } from "./sharing.js";
import { makeResults } from "./results.js";
import { makeSelection } from "./selection.js";
import { makeSelfie } from "./selfie.js";

/** How often a guest is told how far the photos are. */
const LOOK_MS = 5000;

let root;
let requests = new AbortController();
let event = null; // as GET /api/events/<id> tells it
let kept = new Set(); // ids of photos of this event
let way = "find";
let person = null; // id of whoever the page was filled for
let timer = null;
let selfie;
let results;
let all;
let downloads;
let selection;

export function setUp(element) {
  root = element;
  const tools = { call, lightbox, isKept: (id) => kept.has(id) };
  downloads = makeDownloads(byId("events-guest-zip"), { call: opened });
  selfie = makeSelfie({ onSearch: (files) => results.search(files), onClear: startOver });
  results = makeResults({ ...tools, onChoose: () => selection.start(), onSelection: () => selection?.update(), onAnother: () => selfie.another(), onAll: () => turnTo("all") });
  all = makeAllPhotos({ ...tools, onChoose: () => selection.start(), onSelection: () => selection?.update(), onDownload: () => downloads.ask({ eventId: event.id, count: all.total }) });
  selection = makeSelection(byId("events-guest-choice"), {
    galleries: () => (way === "all" ? all.galleries : results.galleries),
    loadAll: () => (way === "all" ? all.loadAll() : results.loadAll()),
    actions: [
      { label: t("Keep"), icon: () => icon("bookmark-heart"), kind: "outline-secondary", work: keepMany, shown: () => session.signedIn },
      { label: t("Download"), icon: () => icon("download"), kind: "primary", work: (items) => downloads.ask({ eventId: event.id, items }) },
    ],
  });
  onSubmit(byId("events-door-form"), enter);
  byId("events-door-password").addEventListener("input", () => markField(byId("events-door-password"), ""));
  on(root, "click", "[data-way]", (_, button) => turnTo(button.dataset.way));
  byId("events-hide-switch").addEventListener("change", hideOrShow);
  byId("events-found-refresh").addEventListener("click", () => selfie.again());
}

export async function show(query, why) {
  const id = Number(query.get("event"));
  const somebodyElse = person !== (session.account?.user_id ?? null);
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  if (event?.id !== id || somebodyElse) forgetAll();
  person = session.account?.user_id ?? null;
  way = query.get("photos") === "all" ? "all" : "find";
  if (!event) {
    setHead({ title: t("Event") });
    showState(root, "loading");
  }
  try {
    await load(id, signal);
  } catch (error) {
    if (isAbort(error)) return;
    if (error instanceof Problem && error.code === "event_not_found") showState(root, "gone");
    else if (root.dataset.shown !== "open" || error.code !== "offline") {
      showState(root, "error");
      showProblem(byId("events-guest-problem"), error, { retry: () => show(query, why) });
    }
  }
}

export function hide() {
  requests.abort();
  clearTimeout(timer);
  selfie?.stop();
  selection?.stop();
  downloads?.stop();
}

async function load(id, signal) {
  if (!Number.isSafeInteger(id) || id < 1) throw new Problem({ status: 404, code: "event_not_found" });
  const headers = tokenHeaders(id);
  const known = event !== null;
  event = (await get(path`/api/events/${id}`, { headers, signal })).data;
  drawHead();
  if (!event.access) {
    // There was a token, and it opens nothing any more.
    const over = Object.keys(headers).length > 0;
    if (over) forgetToken(id);
    showDoor(over ? t("The event has to be opened again: two hours are over, or its password has been changed.") : "");
    return;
  }
  await showInside(signal, { fresh: !known || root.dataset.shown !== "open" });
}

function forgetAll() {
  event = null;
  kept = new Set();
  clearTimeout(timer);
  selection.stop();
  downloads.clear();
  selfie.reset();
  results.clear();
  all.clear();
  byId("events-door-form").reset();
  clearProblem(byId("events-door-problem"));
}

function startOver() {
  results.clear();
  if (!session.signedIn) downloads.clear();
}

function drawHead() {
  const facts = [day(event.date), event.owner && t("by {name}", { name: event.owner.name })].filter(Boolean).join(" · ");
  setHead({
    title: event.name,
    intro: [facts && el("span", { class: "events-guest-facts" }, facts), event.description && el("span", { class: "events-guest-text" }, event.description)].filter(Boolean),
    actions: [
      event.access && session.signedIn && viewLink([icon("bookmark-heart"), t("My kept photos")], { show: "kept" }, { class: "btn btn-sm btn-outline-secondary" }),
      event.can_edit && viewLink([icon("gear"), t("Manage")], { event: event.id, show: "manage" }, { class: "btn btn-sm btn-outline-secondary" }),
    ].filter(Boolean),
  });
  drawTotal();
}

function drawTotal() {
  byId("events-guest-total").textContent = event.total === null ? "" : number(event.total);
}

// --- the door

function showDoor(reason = "") {
  showState(root, "closed");
  byId("events-door-reason").hidden = !reason;
  byId("events-door-reason-text").textContent = reason;
  byId("events-door-open").disabled = false;
  if (reason) announce(reason);
}

async function enter() {
  const form = byId("events-door-form");
  const room = byId("events-door-problem");
  const input = byId("events-door-password");
  clearFieldErrors(form);
  clearProblem(room);
  if (!input.value) {
    markField(input, t("Enter the password of the event."));
    input.focus();
    return;
  }
  const { signal } = requests;
  try {
    await openEvent(event.id, input.value);
    if (signal.aborted) return;
    event = (await get(path`/api/events/${event.id}`, { headers: tokenHeaders(event.id), signal })).data;
  } catch (error) {
    if (isAbort(error)) return;
    if (error instanceof Problem && error.code === "wrong_event_password") {
      markField(input, t("This is not the password of the event. Capital and small letters count."));
      input.focus();
      input.select();
      announce(byId("events-door-password-error").textContent, { urgent: true });
    } else if (!showFieldErrors(form, error)) showProblem(room, error, { retry: () => form.requestSubmit() });
    return;
  }
  if (!event.access) return showDoor();
  form.reset();
  byId("events-door-reason").hidden = true;
  drawHead();
  announce(t("{name} is open.", { name: event.name }));
  await showInside(signal, { fresh: true });
  byId("heading-events").focus({ preventScroll: true });
}

/** Runs a request of this event, and asks for the password again where that is what is missing. */
function call(work) {
  const { id } = event;
  return whileOpen(() => opened(id, work));
}

async function whileOpen(work) {
  const { id } = event;
  try {
    return await work();
  } catch (error) {
    // Whoever does not know the new password stands in front of the door.
    if (isClosed(error) && event?.id === id) showDoor(whyClosed(error));
    throw error;
  }
}

// --- inside

async function showInside(signal, { fresh }) {
  showState(root, "open");
  byId("events-guest-stranger").hidden = session.signedIn;
  const here = `/events?event=${event.id}`;
  byId("events-guest-sign-in").href = `/account?to=${encodeURIComponent(here)}`;
  results.setEvent(event);
  all.setEvent(event);
  watchProgress(signal);
  // Nobody in particular: what the one before asked for is not shown to the next.
  if (session.signedIn) downloads.look(event.id);
  await Promise.all([loadKept(signal), loadHiding(signal)]);
  if (signal.aborted) return;
  mark();
  drawWay();
  if (fresh || !results.done) await selfie.start();
}

function turnTo(wanted) {
  if (wanted === way) return;
  selection.stop();
  way = wanted;
  replaceQuery({ photos: way === "all" ? "all" : null });
  drawWay();
}

function drawWay() {
  for (const button of root.querySelectorAll("[data-way]")) {
    const on = button.dataset.way === way;
    button.setAttribute("aria-pressed", String(on));
    button.classList.toggle("active", on);
  }
  for (const panel of root.querySelectorAll("[data-way-panel]")) panel.hidden = panel.dataset.wayPanel !== way;
  if (way === "all") {
    selfie.stop();
    all.load();
  }
}

/** Photos that nobody has looked at yet cannot be found by a face. */
function watchProgress(signal) {
  clearTimeout(timer);
  const left = event.total - event.indexed - event.failed;
  results.setProgress({ looked: event.indexed + event.failed, total: event.total });
  if (left <= 0) return;
  timer = setTimeout(async () => {
    try {
      const answer = await get(path`/api/events/${event.id}`, { headers: tokenHeaders(event.id), signal });
      if (!answer.data.access) return; // the next request asks for the password
      event = answer.data;
      drawTotal();
    } catch (error) {
      if (isAbort(error)) return;
    }
    watchProgress(signal);
  }, LOOK_MS);
}

// --- keeping

async function loadKept(signal) {
  kept = new Set();
  if (!session.signedIn) return;
  try {
    for await (const group of pages("/api/fotota", { perPage: 50, signal, headers: tokenHeaders(event.id) })) {
      if (group.event.id === event.id) kept = new Set(group.images.map(({ image }) => image.id));
    }
  } catch (error) {
    if (!isAbort(error)) console.warn(error); // photos can be looked at all the same
  }
}

async function keep(item) {
  if (kept.has(item.id)) {
    await del("/api/fotota", { query: { ids: String(item.id) } });
    kept.delete(item.id);
  } else {
    await whileOpen(() => keepPhotos(event.id, [item.id]));
    kept.add(item.id);
  }
  mark([item.id]);
  announce(kept.has(item.id) ? t("kept") : t("not kept any more"));
}

async function keepMany(items) {
  const ids = items.map(({ id }) => id);
  let added = 0;
  for (let from = 0; from < ids.length; from += 1000) {
    const part = ids.slice(from, from + 1000);
    const data = await whileOpen(() => keepPhotos(event.id, part));
    for (const id of [...data.added, ...data.known]) kept.add(id);
    added += data.added.length + data.known.length;
  }
  mark(ids);
  notice(tn("{count} photo kept: find it again under My kept photos.", "{count} photos kept: find them again under My kept photos.", added));
  return true;
}

function mark(ids = null) {
  for (const gallery of [...results.galleries, ...all.galleries]) {
    for (const item of gallery.items) {
      if ((ids && !ids.includes(item.id)) || item.kept === kept.has(item.id)) continue;
      item.kept = kept.has(item.id);
      gallery.redraw(item.id);
    }
  }
}

async function lightbox({ items, at, total, more, renew }) {
  const download = (item) => call(() => saveOne(item));
  return openLightbox({ items, at, total, more, renew, keep: session.signedIn ? keep : null, download, tools: sharing() });
}

// --- hiding

async function loadHiding(signal) {
  const card = byId("events-hide");
  card.hidden = true;
  if (!session.signedIn) return;
  try {
    const { data } = await get(path`/api/events/${event.id}/hide-me`, { headers: tokenHeaders(event.id), signal });
    drawHiding(data.hidden);
    card.hidden = false;
  } catch (error) {
    if (!isAbort(error)) console.warn(error);
  }
}

function drawHiding(hidden) {
  byId("events-hide-switch").checked = hidden;
  byId("events-hide").classList.toggle("is-on", hidden);
  byId("events-hide-text").textContent = hidden
    ? t("You are hidden: nobody else finds you here by your face, not even the organiser. You find yourself as before.")
    : t("Others who have a picture of you can find you here by your face. Switch this on, and nobody but you can.");
}

async function hideOrShow({ currentTarget: box }) {
  const wanted = box.checked;
  const room = byId("events-hide-problem");
  const address = path`/api/events/${event.id}/hide-me`;
  const headers = () => ({ headers: tokenHeaders(event.id) });
  clearProblem(room);
  box.checked = !wanted; // until it is so
  if (!wanted) {
    await busy(box, async () => {
      try {
        drawHiding((await call(() => del(address, headers()))).data.hidden);
        notice(t("You can be found in this event again."));
      } catch (error) {
        showProblem(room, error);
      }
    });
    return;
  }
  if (!selfie.stored) {
    showProblem(room, new Problem({ status: 409, code: "no_selfie_to_hide", message: t("Store a selfie first, above: you are recognised by it, so that you can be left out.") }));
    return;
  }
  const done = await confirm({
    title: t("Hide me in this event?"),
    text: t("Faces that match your stored selfie are then found by nobody but you, the organiser included. The organiser is told how many people are hidden, not who. The photos themselves stay: whoever may see the event can still look through all of them. You can end this at any time."),
    ok: t("Hide me"),
    work: async () => drawHiding((await call(() => put(address, {}, headers()))).data.hidden),
  });
  if (done) notice(t("You are hidden in this event."));
}

