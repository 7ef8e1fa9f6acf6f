/* The tab "breed": POST /api/breed/predict, the heat map when it is asked for, and the list of breeds. */
import { get, isAbort, upload } from "../core/api.js";
import { announce } from "../core/announce.js";
import { busy } from "../core/busy.js";
import { openDialog } from "../core/dialog.js";
import { byId, el, fill, icon, showState } from "../core/dom.js";
import { clearProblem, showProblem } from "../core/errors.js";
import { language } from "../core/config.js";
import { number, percent } from "../core/format.js";
import { t, tn } from "../core/messages.js";
import { makeSourcePicker } from "../core/picker.js";
import { showBlob } from "../core/picture.js";
import { verdict } from "../core/verdict.js";

/** Below this the API calls the first breed a guess. */
const UNSURE = 0.3;

let picker;
let requests = new AbortController(); // of the picture
let looks = new AbortController(); // of the model
let answered = null; // the last answer

export function setUp() {
  picker = makeSourcePicker(byId("breed-source"), { onFiles: ([file]) => ask(file) });
  byId("breed-picture-room").append(el("img", { id: "breed-picture", alt: "" }), el("img", { id: "breed-heat", alt: "", hidden: true }));
  byId("breed-another").addEventListener("click", () => {
    byId("breed-input").scrollIntoView({ block: "start" });
    byId("breed-source").querySelector("[aria-pressed=true]").focus({ preventScroll: true });
  });
  byId("breed-heat-on").addEventListener("change", showHeat);
  byId("breed-heat-strength").addEventListener("input", setStrength);
  byId("breed-list").addEventListener("click", (event) => busy(event.currentTarget, listBreeds));
  showState(byId("breed-answer"), "empty");
}

export function show() {
  return lookAtModel();
}

export function hide() {
  requests.abort();
  looks.abort();
  picker.stop();
  if (byId("breed-answer").dataset.shown === "loading") showState(byId("breed-answer"), "empty");
}

/** Which model answers. A caller who may not know is not bothered with it. */
async function lookAtModel() {
  looks.abort();
  looks = new AbortController();
  const room = byId("breed-model");
  try {
    const { data } = await get("/api/breed/model", { signal: looks.signal });
    fill(room, icon("cpu"), tn("{name} knows {count} breed.", "{name} knows {count} breeds.", data.classes, { name: data.name }));
  } catch (error) {
    if (isAbort(error)) return;
    fill(room);
    if (error.status !== 401 && error.status !== 403) throw error; // shown above the panel
  }
}

async function ask(file) {
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  const answer = byId("breed-answer");
  clearProblem(byId("breed-problem"));
  fill(byId("breed-verdict"));
  showState(answer, "loading");
  announce(t("Looking at the picture …"));
  try {
    const { data } = await upload("/api/breed/predict", { file }, { signal });
    showAnswer(file, data);
    showState(answer, "filled");
    reveal();
  } catch (error) {
    if (isAbort(error)) return;
    showState(answer, "error");
    showProblem(byId("breed-problem"), error, { retry: () => ask(file) });
    reveal();
  }
}

function showAnswer(file, data) {
  answered = data;
  const said = verdictOf(data);
  fill(byId("breed-verdict"), verdict(said.kind, said.title, said.text));
  const picture = byId("breed-picture");
  showBlob(picture, file);
  picture.alt = t("The picture: {name}", { name: file.name });
  byId("breed-heat-on").checked = false;
  hideHeat();
  byId("breed-top-room").hidden = data.is_dog === false; // of something else they say nothing
  fill(byId("breed-top"), data.top.map(bar));
  announce(`${said.title}. ${said.text}`);
}

/** The answer in words: kind is "good", "warn" or "bad". */
function verdictOf(data) {
  const [best] = data.top;
  const values = { breed: nameOf(best), share: percent(shareOf(best), 2) };
  if (data.is_dog === false) {
    return { kind: "bad", title: t("Not a dog"), text: t("This does not look like a dog. Of the breeds, {breed} comes nearest.", values) };
  }
  if (shareOf(best) < UNSURE) {
    return { kind: "warn", title: t("Perhaps {breed}", values), text: t("The model is not sure ({share}): look at the other breeds too, or try another picture of the whole dog.", values) };
  }
  return { kind: "good", title: nameOf(best), text: t("Confidence {share}.", values) };
}

function bar(breed) {
  const share = shareOf(breed);
  const filled = el("span", { class: "breed-bar-filled" });
  filled.style.width = `${Math.max(share * 100, 0.5)}%`;
  const other = otherName(breed);
  return el(
    "li",
    {},
    el("div", { class: "breed-bar-text" }, el("span", {}, nameOf(breed), other && el("span", { class: "breed-other" }, other)), el("span", { class: "num" }, percent(share))),
    el("div", { class: "breed-bar", "aria-hidden": "true" }, filled),
  );
}

// --- heat map

async function showHeat() {
  const wanted = byId("breed-heat-on").checked;
  const heat = byId("breed-heat");
  clearProblem(byId("breed-heat-problem"));
  if (!wanted) {
    hideHeat();
    return;
  }
  const mine = answered;
  byId("breed-heat-strength-room").hidden = false;
  setStrength();
  try {
    const { data } = await get(mine.heatmap_url, { as: "blob" });
    if (mine !== answered || !byId("breed-heat-on").checked) return;
    showBlob(heat, data);
    heat.alt = t("What the model looked at");
    heat.hidden = false;
    announce(t("What the model looked at is drawn over the picture."));
  } catch (error) {
    if (isAbort(error)) return;
    byId("breed-heat-on").checked = false;
    hideHeat();
    showProblem(byId("breed-heat-problem"), error);
  }
}

function hideHeat() {
  byId("breed-heat").hidden = true;
  byId("breed-heat-strength-room").hidden = true;
}

function setStrength() {
  byId("breed-heat").style.opacity = String(Number(byId("breed-heat-strength").value) / 100);
}

// --- names

async function listBreeds() {
  const room = el("div", {});
  const list = el("ul", { class: "breed-names" });
  const count = el("p", { class: "form-text", role: "status" });
  const search = el("input", { class: "form-control", type: "search", id: "breed-search", autocomplete: "off" });
  room.append(el("label", { class: "form-label", for: "breed-search" }, t("Search")), search, count, list);
  let breeds = [];
  try {
    breeds = (await get("/api/breed/classes")).data;
  } catch (error) {
    showProblem(room, error);
  }
  function show() {
    const wanted = search.value.trim().toLowerCase();
    const found = breeds.filter((breed) => `${breed.english_name} ${breed.breed} ${breed.indonesian_name ?? ""}`.toLowerCase().includes(wanted));
    count.textContent = tn("{count} breed", "{count} breeds", found.length, { count: number(found.length) });
    fill(list, found.map((breed) => el("li", {}, nameOf(breed), otherName(breed) && el("span", { class: "breed-other" }, otherName(breed)))));
  }
  if (breeds.length) {
    breeds.sort((one, other) => nameOf(one).localeCompare(nameOf(other)));
    search.addEventListener("input", show);
    show();
  }
  openDialog({ title: t("All breeds"), body: room, ok: null, cancel: t("Close") }); // not waited for: the button is free again
}

/** In the visitor's language, if it has a name of its own; as a title. */
function nameOf(breed) {
  const name = (language === "id" && breed.indonesian_name) || breed.english_name || breed.breed;
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The name that is not shown first, for those who look for it. */
function otherName(breed) {
  const other = language === "id" ? breed.english_name : breed.indonesian_name;
  return other && other.toLowerCase() !== nameOf(breed).toLowerCase() ? other : null;
}

/** 0 to 1, of the API's "97.31%". */
function shareOf(breed) {
  return Number.parseFloat(breed.confidence) / 100;
}

/** Below the picture on a phone: what was asked for must be seen. */
function reveal() {
  const result = byId("breed-result");
  if (result.getBoundingClientRect().top > window.innerHeight * 0.6) result.scrollIntoView({ block: "start" });
}
