/* The organiser's view: /events?show=new makes an event, /events?event=3&show=manage manages one. Its parts (photos, share,
   statistics, settings) are in the address as ?part=. */
import { notice } from "../../core/announce.js";
import { Problem, del, get, isAbort, path, post, put } from "../../core/api.js";
import { busy } from "../../core/busy.js";
import { confirm } from "../../core/dialog.js";
import { byId, el, icon, on, showState } from "../../core/dom.js";
import { clearProblem, showProblem } from "../../core/errors.js";
import { forgetToken } from "../../core/event_tokens.js";
import { t, tn } from "../../core/messages.js";
import { replaceQuery } from "../../core/router.js";
import { day } from "./day.js";
import { makeEventForm } from "./form.js";
import { openView, setHead, viewLink } from "./frame.js";
import { makeIndexing } from "./indexing.js";
import { makeOwnPhotos } from "./photos.js";
import { makeShare } from "./share.js";
import { makeStatistics } from "./statistics.js";
import { makeUpload } from "./upload.js";

const PARTS = ["photos", "share", "statistics", "settings"];
/** While photos are being looked at, the marks on them follow; more often would be in the way. */
const RENEW_MS = 6000;

let root;
let event = null; // as GET /api/events/<id> tells it
let part = "photos";
let requests = new AbortController();
let renewedAt = 0;
let shown = false;
let newForm;
let editForm;
let photos;
let indexing;
let upload;
let share;
let statistics;

export function setUp(element) {
  root = element;
  newForm = makeEventForm(byId("events-new-form"), { work: create });
  editForm = makeEventForm(byId("events-edit-form"), { work: change });
  share = makeShare();
  statistics = makeStatistics();
  photos = makeOwnPhotos({ onDeleted: () => indexing.look() });
  indexing = makeIndexing({ onEvent: learn });
  upload = makeUpload({
    currentEvent: () => event,
    onStored: (where) => where.id === event?.id && arrived(),
    onIdle: (where) => where.id === event?.id && arrived(),
  });
  on(byId("events-parts"), "click", "[data-part]", (_, button) => turnTo(button.dataset.part));
  byId("events-delete").addEventListener("click", remove);
  byId("events-again-all").addEventListener("click", lookAgain);
}

export async function show(query) {
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  shown = true;
  clearProblem(byId("events-organiser-problem"));
  if (query.get("show") === "new") return showNew();
  const id = Number(query.get("event"));
  part = PARTS.includes(query.get("part")) ? query.get("part") : "photos";
  if (event?.id !== id) {
    forget();
    setHead({ title: t("Event") });
    showState(root, "loading");
  }
  try {
    const { data } = await get(path`/api/events/${id}`, { signal });
    if (signal.aborted) return undefined;
    return open(data);
  } catch (error) {
    if (isAbort(error)) return undefined;
    if (error instanceof Problem && error.status === 404) {
      forget();
      setHead({ title: t("Event") });
      return showState(root, "gone");
    }
    if (!event) showState(root, "error");
    return showProblem(byId("events-organiser-problem"), error, { retry: () => show(query) });
  }
}

export function hide() {
  shown = false;
  requests.abort();
  indexing.stop();
  statistics.stop();
  photos.stop();
}

function showNew() {
  forget();
  setHead({ title: t("New event"), intro: t("Three steps: create it, upload the photos, share the link. Guests need nothing but a phone.") });
  newForm.clear();
  showState(root, "new");
  byId("events-new-form-name").focus({ preventScroll: true });
}

function forget() {
  event = null;
  photos.clear();
  indexing.stop();
  statistics.clear();
  share.forget();
}

function open(data) {
  if (!data.can_edit) {
    forget();
    setHead({ title: data.name });
    byId("events-organiser-as-guest").href = `/events?event=${data.id}`;
    return showState(root, "closed");
  }
  if (event?.id !== data.id || !editForm.dirty) editForm.fill(data);
  learn(data);
  showHead();
  showState(root, "filled");
  upload.retell();
  indexing.watch(data);
  turnTo(part);
  return photos.setEvent(data);
}

/** What the API has just said of the event. */
function learn(data) {
  const moved = event?.id === data.id && (event.indexed !== data.indexed || event.failed !== data.failed);
  event = data;
  share.show(data);
  const waiting = data.total > data.indexed + data.failed;
  if (moved && (!waiting || performance.now() - renewedAt > RENEW_MS)) {
    renewedAt = performance.now();
    photos.renew();
  }
}

/** Not at each answer: whoever is on its link by keyboard would lose their place. */
function showHead() {
  setHead({
    title: event.name,
    intro: [day(event.date), event.owner?.name].filter(Boolean).join(" · "),
    actions: [viewLink([icon("eye"), el("span", {}, t("As guests see it"))], { event: event.id }, { class: "btn btn-outline-secondary" })],
  });
}

let soon = null;

/** New photos come in batches: they are listed a moment later, all at once. */
function arrived() {
  clearTimeout(soon);
  soon = setTimeout(() => {
    if (!shown) return; // looked up when it is shown again
    photos.reload();
    indexing.look();
  }, 400);
}

function turnTo(wanted) {
  part = wanted;
  replaceQuery({ part: part === "photos" ? null : part });
  for (const button of byId("events-parts").querySelectorAll("[data-part]")) {
    button.setAttribute("aria-pressed", String(button.dataset.part === part));
  }
  for (const panel of root.querySelectorAll("[data-part-panel]")) panel.hidden = panel.dataset.partPanel !== part;
  if (part !== "photos") photos.stop();
  if (part === "statistics") statistics.load(event.id);
  else statistics.stop();
}

async function create(values) {
  const { data } = await post("/api/events", values);
  share.know(data.id, values.password);
  newForm.clear();
  notice(t("The event is there: now add its photos."));
  openView({ event: data.id, show: "manage" });
}

async function change(values) {
  const { password, ...rest } = values;
  const { data } = await put(path`/api/events/${event.id}`, password ? values : rest);
  learn(data);
  showHead();
  editForm.fill(data);
  if (password) {
    forgetToken(data.id);
    share.know(data.id, password);
    notice(t("Saved. The new password is shown once more under “Share”."));
  } else notice(t("Saved"));
}

async function remove() {
  const { id, name, total } = event;
  const sure = await confirm({
    title: t("Delete “{name}”?", { name }),
    text: total
      ? tn("{count} photo and everything that guests keep of the event is deleted. There is no way back.", "{count} photos and everything that guests keep of the event are deleted. There is no way back.", total)
      : t("There is no way back."),
    ok: t("Delete"),
    danger: true,
    work: () => gone(del(path`/api/events/${id}`)),
  });
  if (!sure) return;
  forgetToken(id);
  forget();
  notice(t("“{name}” is deleted", { name }));
  openView({});
}

/** What somebody else has deleted is deleted. */
async function gone(request) {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "event_not_found") throw error;
  }
}

async function lookAgain() {
  const button = byId("events-again-all");
  await busy(button, async () => {
    try {
      const { data } = await post(path`/api/events/${event.id}/index`, { all: true });
      notice(tn("{count} photo is looked at again", "{count} photos are looked at again", data.queued), { kind: "info" });
      await indexing.look();
    } catch (error) {
      showProblem(byId("events-organiser-problem"), error, { retry: lookAgain });
    }
  });
}
