/* Finding oneself in a public folder of Google Drive, /events?show=drive, one search: &search=5. GET, POST and DELETE
   /api/drive-search; the stored selfie says who is looked for (/api/users/me/selfie). */
import { announce, notice } from "../../core/announce.js";
import { Problem, del, get, isAbort, path, post, upload } from "../../core/api.js";
import { busy, onSubmit } from "../../core/busy.js";
import { config } from "../../core/config.js";
import { confirm } from "../../core/dialog.js";
import { byId, el, fill, icon, showState } from "../../core/dom.js";
import { clearFieldErrors, clearProblem, markField, serverText, showFieldErrors, showProblem } from "../../core/errors.js";
import { ago, number } from "../../core/format.js";
import { t, tn } from "../../core/messages.js";
import { makePager } from "../../core/pager.js";
import { makeSourcePicker } from "../../core/picker.js";
import { releasePictures, setPicture } from "../../core/picture.js";
import { makeProgress } from "../../core/progress.js";
import { session } from "../../core/session.js";
import { openView, setHead, viewLink } from "./frame.js";

const SELFIE = "/api/users/me/selfie";
const SEARCHES = "/api/drive-search";
const POLL_MS = 2000;
/** Of results, and of searches. */
const PAGE = 60;
const LIST_PAGE = 10;

let root;
let picker;
let pager;
let progress;
let requests = new AbortController();
let timer = null;
let selfie = null; // as GET /api/users/me/selfie tells it
let shown = null; // {id, search, pages, tiles: file id -> <li>} of the search that is shown

export function setUp(element) {
  root = element;
  picker = makeSourcePicker(byId("events-drive-source"), { onFiles: ([file]) => keepSelfie(file) });
  pager = makePager(byId("events-drive-pager"), { perPage: LIST_PAGE, onPage: (page) => listAgain(page) });
  progress = makeProgress(byId("events-drive-progress"));
  onSubmit(byId("events-drive-form"), begin);
  const link = byId("events-drive-drive_url");
  link.addEventListener("input", () => {
    markField(link, "");
    clearProblem(byId("events-drive-form-problem"));
  });
  byId("events-drive-replace").addEventListener("click", () => askForPicture(true));
  byId("events-drive-keep").addEventListener("click", () => {
    askForPicture(false);
    byId("events-drive-replace").focus();
  });
  byId("events-drive-again").addEventListener("click", (event) => busy(event.currentTarget, again));
  byId("events-drive-delete").addEventListener("click", () => remove(shown.search, byId("heading-events")));
  byId("events-drive-more").addEventListener("click", (event) => busy(event.currentTarget, more));
}

export async function show(query, why) {
  stop();
  requests = new AbortController();
  const { signal } = requests;
  const wanted = query.get("search");
  if (shown && String(shown.id) !== wanted) forget();
  setHead(headOf(shown?.search, wanted));
  if (!config.driveSearch) {
    showState(root, "closed");
    return;
  }
  if (!session.signedIn) {
    byId("events-drive-sign-in").href = `/account?to=${encodeURIComponent(location.pathname + location.search)}`;
    forget();
    showState(root, "stranger");
    return;
  }
  if (why === "session") forget();
  if (!shown) showState(root, "loading");
  try {
    if (wanted === null) await showHome(signal);
    else await showSearch(wanted, signal);
  } catch (error) {
    if (isAbort(error)) return;
    if (error instanceof Problem && error.status === 404) {
      forget();
      showState(root, "gone");
      return;
    }
    showState(root, "error");
    showProblem(byId("events-drive-problem"), error, { retry: () => show(query, why) });
  }
}

export function hide() {
  stop();
  picker.stop();
  forget();
}

function stop() {
  requests.abort();
  clearTimeout(timer);
}

function headOf(search, wanted) {
  const intro = t("Somebody shared a folder with hundreds of photos? Kenali looks for those with you on them.");
  if (wanted === null) return { title: t("Search a Google Drive folder"), intro };
  return {
    title: search?.folder_name || t("A folder in Google Drive"),
    back: { text: t("All Drive searches"), query: { show: "drive" } },
  };
}

// --- home: who is looked for, a link, my searches

async function showHome(signal) {
  const [found] = await Promise.all([storedSelfie(signal), drawList(1, signal)]);
  if (signal.aborted) return;
  selfie = found;
  drawSelfie();
  showState(root, "home");
}

async function storedSelfie(signal) {
  try {
    return (await get(SELFIE, { signal })).data;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

function drawSelfie() {
  const room = byId("events-drive-picture");
  releasePictures(room);
  const img = el("img", { class: "events-drive-selfie", id: "events-drive-selfie", alt: t("Your stored selfie") });
  fill(room, selfie && img);
  room.hidden = !selfie;
  if (selfie) setPicture(img, selfie.image_url);
  byId("events-drive-me-title").textContent = selfie ? t("You are looked for by this selfie") : t("First a picture of you");
  byId("events-drive-me-text").textContent = selfie
    ? t("Nobody but you can see it.")
    : t("You have no stored selfie yet. Take one, or choose a sharp picture of you alone: only you can see it, and you can delete it at any time.");
  byId("events-drive-start").disabled = !selfie;
  askForPicture(!selfie);
}

function askForPicture(asking) {
  byId("events-drive-ask").hidden = !asking;
  byId("events-drive-keep").hidden = !selfie;
  byId("events-drive-replace").hidden = !selfie || asking;
  clearProblem(byId("events-drive-selfie-problem"));
  if (asking) picker.show("file");
  else picker.stop();
}

async function keepSelfie(file) {
  const room = byId("events-drive-selfie-problem");
  clearProblem(room);
  try {
    const { data } = await upload(SELFIE, { file });
    selfie = data;
    drawSelfie();
    picker.reset();
    notice([t("Your selfie is kept."), ...data.warnings.map((text) => serverText(text))].join(" "));
    byId("events-drive-drive_url").focus();
  } catch (error) {
    showProblem(room, error, { retry: () => keepSelfie(file) });
  }
}

async function begin() {
  const form = byId("events-drive-form");
  const link = byId("events-drive-drive_url");
  const room = byId("events-drive-form-problem");
  clearFieldErrors(form);
  clearProblem(room);
  const wrong = wrongLink(link.value.trim());
  if (wrong) {
    markField(link, wrong);
    link.focus();
    announce(wrong, { urgent: true });
    return;
  }
  try {
    const { data } = await post(SEARCHES, { drive_url: link.value.trim() });
    form.reset();
    openView({ show: "drive", search: data.search_id });
  } catch (error) {
    refused(error, form, room);
  }
}

/** What people paste instead. */
function wrongLink(text) {
  if (!text) return t("Paste the link of the folder.");
  if (/photos\.(google|app\.goo)\b/.test(text)) return t("This leads to Google Photos: only folders of Google Drive can be searched.");
  if (/\/file\/d\//.test(text)) return t("This is the link of a single file: share the folder that it is in.");
  return "";
}

function refused(error, form, room) {
  if (error.code === "no_selfie") {
    selfie = null;
    drawSelfie();
    return;
  }
  if (error.code === "google_not_configured") {
    showState(root, "closed");
    return;
  }
  if (form && Object.keys(error.errors ?? {}).length && showFieldErrors(form, error)) return;
  showProblem(room, error, { retry: form ? () => form.requestSubmit() : again });
}

async function drawList(page, signal) {
  const { data, total } = await get(SEARCHES, { query: { page, per_page: LIST_PAGE }, signal });
  if (signal.aborted) return;
  pager.update({ page, total });
  fill(byId("events-drive-list"), data.map(row));
  showState(byId("events-drive-mine"), data.length ? "filled" : "empty");
  clearTimeout(timer);
  if (data.some(({ status }) => status === "processing")) later(() => drawList(page, signal));
}

async function listAgain(page) {
  try {
    await drawList(page, requests.signal);
  } catch (error) {
    showProblem(byId("events-drive-form-problem"), error, { retry: () => listAgain(page) });
  }
}

function row(search) {
  const name = search.folder_name || t("A folder in Google Drive");
  return el(
    "li",
    { class: "events-drive-row", dataset: { search: search.search_id } },
    viewLink(
      [
        icon("folder"),
        el(
          "span",
          { class: "events-drive-row-words" },
          el("span", { class: "events-drive-row-name" }, name),
          el("span", { class: "events-drive-row-text" }, [rowText(search), ago(search.created_at)].filter(Boolean).join(" · ")),
        ),
        tagOf(search),
        icon("chevron-right"),
      ],
      { show: "drive", search: search.search_id },
      { class: "events-drive-row-link" },
    ),
    el(
      "button",
      {
        class: "btn btn-icon btn-outline-secondary",
        type: "button",
        "aria-label": t("Delete the search of {name}", { name }),
        title: t("Delete the search"),
        onclick: () => remove(search, byId("events-drive-drive_url")),
      },
      icon("trash"),
    ),
  );
}

function rowText({ status, progress: { found, analysed } }) {
  if (status === "completed") return tn("{count} photo", "{count} photos", found);
  if (!found) return "";
  return t("{done} of {total} photos", { done: number(analysed), total: number(found) });
}

function tagOf({ status }) {
  const tag = el("span", { class: "tag" });
  dress(tag, status);
  return tag;
}

function dress(tag, status) {
  tag.className = `tag ${{ completed: "tag-good", failed: "tag-bad" }[status] ?? ""}`;
  tag.textContent = { completed: t("Complete"), failed: t("Not finished"), processing: t("Under way") }[status] ?? status;
}

// --- one search

async function showSearch(id, signal) {
  shown ??= { id, search: null, pages: 1, tiles: new Map() };
  await look(signal);
  if (signal.aborted) return;
  showState(root, "search");
}

/** Asks how far the search is, and for as many results as are shown. */
async function look(signal) {
  const { id, pages } = shown;
  const results = [];
  let told;
  let total = 0;
  for (let page = 1; page <= pages; page += 1) {
    const answer = await get(path`/api/drive-search/${id}`, { query: { page, per_page: PAGE }, signal });
    told = answer.data;
    total = answer.total ?? told.results.length;
    results.push(...told.results);
    if (!answer.next) break;
  }
  if (signal.aborted) return;
  const before = shown.search?.status;
  shown.search = told;
  draw(told, results, total);
  if (before === "processing" && told.status !== "processing") announce(byId("events-drive-message").textContent);
  if (told.status === "processing") later(() => look(signal));
}

/** Once more in a while; whatever goes wrong meanwhile is told, and the next look tries again. */
function later(work) {
  const { signal } = requests;
  clearTimeout(timer);
  timer = setTimeout(async () => {
    if (signal.aborted) return;
    const room = byId(shown ? "events-drive-search-problem" : "events-drive-form-problem");
    try {
      await work();
      if (shown) clearProblem(room);
    } catch (error) {
      // While the server is away the page says so, and this view is shown anew when it is back.
      if (isAbort(error) || error.code === "offline" || !session.signedIn) return;
      if (error.status === 404) {
        forget();
        showState(root, "gone");
        return;
      }
      showProblem(room, error);
      later(work);
    }
  }, POLL_MS);
}

function draw(search, results, total) {
  setHead(headOf(search, search.search_id));
  dress(byId("events-drive-tag"), search.status);
  byId("events-drive-folder").href = safeFolder(search.drive_url);
  byId("events-drive-message").textContent = sentence(search, total);
  byId("events-drive-message").hidden = search.status === "failed" && !search.progress.analysed;
  drawProgress(search);
  drawTrouble(search);
  const by = (band) => results.filter((result) => result.band === band);
  drawGrid("sure", by("sure"));
  drawGrid("maybe", by("maybe"));
  byId("events-drive-sure-title").textContent = t("Photos with you");
  byId("events-drive-more-room").hidden = results.length >= total;
  byId("events-drive-nothing").hidden = total > 0 || search.status !== "completed" || !search.progress.found;
  byId("events-drive-again").hidden = search.status === "processing";
}

/** What the API was given and took: an address of Drive. */
function safeFolder(url) {
  const whole = url.includes("://") ? url : `https://${url}`;
  return URL.canParse(whole) && /^https?:$/.test(new URL(whole).protocol) ? whole : "https://drive.google.com/";
}

function sentence({ status, progress: { found, analysed, listed }, skipped }, total) {
  const seen = found - leftOut(skipped);
  const here = tn("You were found on {count} photo.", "You were found on {count} photos.", total);
  if (status === "completed" && !found) return t("There are no pictures in this folder.");
  if (status === "completed") return [tn("{count} photo was looked at.", "{count} photos were looked at.", seen), here].join(" ");
  if (status === "failed") return [t("{done} of {total} photos were looked at.", { done: number(analysed), total: number(found) }), here].join(" ");
  if (!listed && !analysed) return t("The folder is being read. You may leave this page: the search goes on.");
  return [t("You may leave this page: the search goes on."), total ? here : ""].join(" ").trim();
}

function drawProgress({ status, progress: { found, analysed, listed } }) {
  if (status !== "processing") progress.hide();
  else if (!listed) progress.waiting(found ? tn("{count} photo found so far …", "{count} photos found so far …", found) : t("Getting ready …"));
  else progress.update({ done: analysed, total: found });
}

function drawTrouble({ status, error, truncated, skipped }) {
  byId("events-drive-failed").hidden = status !== "failed";
  byId("events-drive-failed-text").textContent = error ? serverText(error.message) : "";
  byId("events-drive-failed-advice").textContent = error ? advice(error.code) : "";
  byId("events-drive-truncated").hidden = !truncated;
  const count = leftOut(skipped);
  byId("events-drive-skipped").hidden = !count;
  const words = tn("{count} picture was left out", "{count} pictures were left out", count);
  byId("events-drive-skipped-text").textContent = `${words}: ${skipped.map(reason).join(", ")}.`;
}

function leftOut(skipped) {
  return skipped.reduce((sum, { count }) => sum + count, 0);
}

function advice(code) {
  if (code === "drive_folder_not_found") {
    return t("Whoever owns the folder opens it in Drive, and under Share, “General access”, chooses “Anyone with the link”. Then search again.");
  }
  if (code === "drive_quota_exceeded") return t("What was found so far is below. Search again tomorrow: it goes on from there.");
  if (code === "google_not_configured") return t("Tell whoever runs this server: Google does not accept its key for Drive.");
  return t("Search again: what was looked at already is not looked at twice.");
}

function reason({ code, count }) {
  const words = {
    unsupported_image: t("no JPEG or PNG"),
    image_too_large: t("too large"),
    image_too_small: t("too small"),
    drive_file_not_readable: t("not handed out by Drive"),
    google_unavailable: t("not handed out by Drive"),
  };
  return `${number(count)} ${words[code] ?? t("not readable")}`;
}

function drawGrid(band, results) {
  const list = byId(`events-drive-${band}-list`);
  const tiles = results.map((result) => {
    if (!shown.tiles.has(result.file_id)) shown.tiles.set(result.file_id, tile(result));
    return shown.tiles.get(result.file_id);
  });
  byId(`events-drive-${band}`).hidden = !tiles.length;
  // A tile that stays where it is keeps the focus.
  if (tiles.length !== list.children.length || tiles.some((li, index) => list.children[index] !== li)) fill(list, tiles);
}

function tile(result) {
  const { name, link, width, height, face_coords: face } = result;
  const img = el("img", { class: "events-drive-img", alt: "" });
  img.addEventListener("load", () => img.classList.add("is-loaded"));
  const side = Math.min(width, height);
  const place = (middle, whole) => (whole > side ? Math.round(Math.min(1, Math.max(0, (middle - side / 2) / (whole - side))) * 100) : 50);
  img.style.objectPosition = `${place(face.x + face.w / 2, width)}% ${place(face.y + face.h / 2, height)}%`;
  setPicture(img, path`/api/drive-search/${shown.id}/files/${result.file_id}/thumbnail`);
  return el(
    "li",
    { class: "events-drive-tile" },
    el(
      "a",
      { href: link, target: "_blank", rel: "noopener noreferrer", title: t("Open in Google Drive (in a new tab)") },
      el("span", { class: "events-drive-frame" }, icon("image", "events-drive-blank"), img),
      el("span", { class: "events-drive-name" }, el("span", {}, name), icon("box-arrow-up-right")),
      el("span", { class: "visually-hidden" }, t("Open in Google Drive (in a new tab)")),
    ),
  );
}

async function more() {
  shown.pages += 1;
  try {
    await look(requests.signal);
  } catch (error) {
    shown.pages -= 1;
    showProblem(byId("events-drive-search-problem"), error);
  }
}

async function again() {
  const room = byId("events-drive-search-problem");
  clearProblem(room);
  try {
    const { data } = await post(SEARCHES, { drive_url: shown.search.drive_url });
    openView({ show: "drive", search: data.search_id });
  } catch (error) {
    if (error.code === "no_selfie") openView({ show: "drive" });
    else refused(error, null, room);
  }
}

async function remove(search, focus) {
  const text = t("What was found is forgotten, and what was learnt of the faces in this folder too unless another search needs it. The photos in Google Drive stay.");
  const work = async () => {
    try {
      await del(path`/api/drive-search/${search.search_id}`);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error; // gone is gone
    }
  };
  if (!(await confirm({ title: t("Delete this search?"), text, ok: t("Delete"), danger: true, work }))) return;
  notice(t("The search is deleted."));
  if (shown) openView({ show: "drive" });
  else await listAgain(pager.page);
  focus.focus();
}

function forget() {
  if (!shown) return;
  shown = null;
  for (const band of ["sure", "maybe"]) {
    const list = byId(`events-drive-${band}-list`);
    releasePictures(list);
    fill(list);
  }
  clearProblem(byId("events-drive-search-problem"));
}
