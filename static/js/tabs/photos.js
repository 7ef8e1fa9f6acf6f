/* The tab "photos": /api/photos of one person, who is in the address (?user=3). */
import { announce, notice } from "../core/announce.js";
import { Problem, isAbort, pages, path } from "../core/api.js";
import { makeCamera } from "../core/camera.js";
import { byId, el, fill, icon, showState } from "../core/dom.js";
import { clearProblem, showProblem } from "../core/errors.js";
import { number } from "../core/format.js";
import { t, tn } from "../core/messages.js";
import { findUsers, getTraining, getUser, makeUserPicker, seesEverybody } from "../core/people.js";
import { makePicker } from "../core/picker.js";
import { currentTab, replaceQuery } from "../core/router.js";
import { session } from "../core/session.js";
import { makeGallery } from "./photos/gallery.js";
import { makeQueue } from "./photos/queue.js";
import { ENOUGH, PLENTY, standingOf, verdictOf } from "./photos/verdict.js";

/** More photos of one person than anybody needs; the list says that there are more. */
const MOST_PHOTOS = 1000;
const HINTS = [
  t("look straight into the camera"),
  t("turn slightly left"),
  t("turn slightly right"),
  t("smile"),
  t("lift your chin a little"),
  t("lower your chin a little"),
  t("look serious"),
  t("come a little closer"),
  t("move back a little"),
  t("with glasses, or without"),
];

let picker;
let gallery;
let queue;
let camera;
let series;
let user = null;
let photos = []; // in the order they came
let standing = null;
let filmed = null; // whom the camera shows: the last pictures come after it was closed
let requests = new AbortController();

export function setUp() {
  picker = makeUserPicker(byId("photos-user"), { onPick: choose });
  byId("photos-choose").addEventListener("click", () => {
    picker.focus();
    byId("photos-user-input").click(); // opens the list
  });
  gallery = makeGallery({ list: byId("photos-list"), pager: byId("photos-pager"), onDeleted });
  queue = makeQueue({
    list: byId("photos-queue"),
    summary: byId("photos-queue-summary"),
    currentUser: () => user,
    onPhoto,
    onIdle,
  });
  makePicker(byId("photos-drop"), {
    onFiles: (files) => user && queue.add(files, user),
    onRefused: (refusals) => user && queue.refuse(refusals, user),
  });
  byId("photos-choose-files").addEventListener("click", () => byId("photos-drop-input").click());
  series = { count: 8, hints: HINTS, onTaken, onSeries: () => queue.release() };
  camera = makeCamera(byId("photos-camera-room"), { onPicture: (file) => queue.add([file], filmed), series });
  byId("photos-series-count").addEventListener("change", (event) => {
    series.count = Number(event.target.value);
  });
  byId("photos-camera-toggle").addEventListener("click", () => toggleCamera(byId("photos-camera").hidden));
  window.addEventListener("beforeunload", (event) => {
    if (queue.isBusy()) event.preventDefault();
  });
}

export function show({ query }) {
  const wanted = query.get("user") ?? (seesEverybody() ? (user?.id ?? null) : session.account.user_id);
  byId("photos-user").hidden = !seesEverybody();
  return wanted === null ? nobody() : load(String(wanted));
}

export function hide() {
  requests.abort();
  toggleCamera(false);
}

function choose(next) {
  if (next.id === user?.id) return;
  toggleCamera(false);
  load(String(next.id));
}

function toggleCamera(open) {
  byId("photos-camera").hidden = !open;
  byId("photos-files").hidden = open;
  const button = byId("photos-camera-toggle");
  button.setAttribute("aria-expanded", String(open));
  fill(button, open ? icon("x-lg") : icon("camera"), el("span", {}, open ? t("Close Camera") : t("Open Camera")));
  if (open) {
    filmed = user;
    camera.start();
    byId("photos-camera").scrollIntoView({ block: "nearest" });
  } else camera.stop();
}

/** Nobody is chosen: is there somebody to choose? */
async function nobody() {
  const body = byId("photos-body");
  forget();
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  if (body.dataset.shown !== "nousers") showState(body, "nobody");
  try {
    const { total } = await findUsers({ perPage: 1, signal });
    clearProblem(byId("photos-problem"));
    showState(body, total ? "nobody" : "nousers");
    byId("photos-person").hidden = !total;
  } catch (error) {
    showProblem(byId("photos-problem"), error, { retry: nobody });
  }
}

function forget() {
  user = null;
  photos = [];
  standing = null;
  picker.set(null);
  byId("photos-who").hidden = true;
  byId("photos-standing").hidden = true;
}

async function load(id) {
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  const body = byId("photos-body");
  const problem = byId("photos-problem");
  const other = String(user?.id) !== id;
  byId("photos-person").hidden = false;
  if (other) {
    forget();
    showState(body, "loading");
  }
  try {
    const [whose, training, all] = await Promise.all([
      getUser(id, { signal }),
      getTraining([id], { signal }),
      allPhotos(id, signal),
    ]);
    if (signal.aborted) return;
    user = whose;
    standing = training.get(whose.id) ?? null;
    photos = all;
    clearProblem(problem);
    if (currentTab() === "photos") replaceQuery({ user: user.id });
    picker.set(user);
    byId("photos-who").hidden = false;
    byId("photos-who").textContent = `${seesEverybody() ? "" : `${user.name} · `}${t("ID {id}", { id: String(user.id) })} · ${user.email}`;
    queue.know(photos.map((photo) => photo.id));
    queue.retell();
    gallery.show(user, photos);
    tell();
    showState(body, "person");
    if (other) announce(`${user.name}: ${tn("{count} photo", "{count} photos", photos.length)}`);
  } catch (error) {
    if (isAbort(error) || signal.aborted) return;
    if (error instanceof Problem && error.code === "user_not_found") {
      forget();
      showState(body, "nobody");
    } else if (other) showState(body, "error");
    showProblem(problem, error, { retry: () => load(id) });
  }
}

async function allPhotos(id, signal) {
  const all = [];
  for await (const photo of pages(path`/api/photos/${id}`, { signal })) {
    all.push(photo);
    if (all.length >= MOST_PHOTOS) break;
  }
  return all;
}

// --- what is there, and what is missing

function tell() {
  const { good, enough, plenty, alike } = standingOf(photos);
  byId("photos-standing").hidden = false;
  byId("photos-count").textContent =
    good === photos.length
      ? tn("{count} photo", "{count} photos", photos.length)
      : t("{photos}, {good} of them good", { photos: tn("{count} photo", "{count} photos", photos.length), good });
  byId("photos-recommendation").textContent = recommendation({ good, enough, plenty, alike });
  const steps = byId("photos-steps");
  steps.setAttribute("aria-label", t("{good} good photos; 5 to 10 are recommended", { good }));
  fill(
    steps,
    Array.from({ length: PLENTY }, (_, index) =>
      el("span", { class: `photos-step ${index < good ? "is-there" : ""} ${index < ENOUGH ? "is-needed" : ""}` }),
    ),
  );
  fill(byId("photos-training"), training());
  byId("photos-none").hidden = photos.length > 0;
  byId("photos-list-title").textContent = photos.length ? t("Photos ({count})", { count: photos.length }) : t("Photos");
  byId("photos-legend").textContent = legend();
}

function recommendation({ good, enough, plenty, alike }) {
  if (!good) return t("Add at least five photos of the face.");
  if (!enough) return tn("Add at least {count} more, from another angle.", "Add at least {count} more, from other angles.", ENOUGH - good);
  if (alike) return t("On all of them the head is turned the same way: add some from the left and from the right.");
  if (!plenty) return t("Enough to start with; up to ten make recognition more reliable.");
  return t("That is plenty.");
}

function training() {
  if (!standing || !photos.length) return [];
  const { embeddings, missing, without_face, due } = standing;
  const link = (kind, text) =>
    el("a", { class: `btn ${kind}`, href: `/build?user=${user.id}`, dataset: { tabLink: "build" } }, icon("database-gear"), text);
  if (due) {
    return [
      el("span", { class: "tag tag-warn" }, embeddings ? tn("{count} photo to train", "{count} photos to train", missing - without_face) : t("Training due")),
      link("btn-primary", t("Train now")),
    ];
  }
  if (embeddings) return [el("span", { class: "tag tag-good" }, icon("check-lg"), t("Trained"))];
  return [el("span", { class: "tag tag-bad" }, t("No face found"))];
}

function legend() {
  const bad = photos.filter((photo) => verdictOf(photo).kind === "bad").length;
  const warn = photos.filter((photo) => verdictOf(photo).kind === "warn").length;
  const parts = [
    warn ? t("{count} could be better", { count: warn }) : "",
    bad ? t("{count} without a face", { count: bad }) : "",
    photos.length >= MOST_PHOTOS ? t("only the first {count} are shown", { count: number(MOST_PHOTOS) }) : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

// --- what changes

/** A picture of a series goes up while the next one is taken. */
function onTaken(file) {
  queue.hold();
  queue.add([file], filmed);
}

function onPhoto(photo, whose) {
  if (whose.id !== user?.id) return;
  if (!photos.some(({ id }) => id === photo.id)) photos.push(photo);
  gallery.add(photo);
  tell();
}

function onIdle({ uploaded, refused }) {
  const words = [
    uploaded ? tn("{count} photo uploaded", "{count} photos uploaded", uploaded) : "",
    refused ? tn("{count} file was not taken", "{count} files were not taken", refused) : "",
  ];
  notice(`${words.filter(Boolean).join(". ")}.`, { kind: refused && !uploaded ? "danger" : refused ? "info" : "success" });
  refreshStanding();
}

function onDeleted(photo) {
  photos = photos.filter(({ id }) => id !== photo.id);
  queue.know(photos.map(({ id }) => id));
  tell();
  if (!photos.length) byId("photos-list-title").focus();
  refreshStanding();
}

async function refreshStanding() {
  if (!user) return;
  const { id } = user;
  try {
    const found = await getTraining([id]);
    if (user?.id !== id) return;
    standing = found.get(id) ?? null;
    tell();
  } catch {
    // What is shown was true a moment ago; the next look asks again.
  }
}
