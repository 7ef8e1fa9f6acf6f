/**
 * The photos that a guest is on: the sure ones, then those to be looked at by oneself.
 *
 * makeResults({call, lightbox, isKept, onChoose, onSelection, onAnother, onAll}) -> results
 *      .setEvent(event)         whose photos
 *      .setProgress({looked, total})   how many of its photos have been looked at
 *      .search(files)           by these selfies (1 to 3), or by the stored one (null). -> {count}, or {error} if the
 *                               selfie is why there is no answer (what was shown before stays then), or null
 *      .clear(), .loadAll(), .galleries, .done (an answer is shown)
 */
import { announce } from "../../core/announce.js";
import { Problem, get, isAbort, path, upload } from "../../core/api.js";
import { busy } from "../../core/busy.js";
import { byId, showState } from "../../core/dom.js";
import { showProblem } from "../../core/errors.js";
import { tokenHeaders } from "../../core/event_tokens.js";
import { t, tn } from "../../core/messages.js";
import { makeGallery, pictureOf } from "./gallery.js";

const PER_PAGE = 100;
/** These are about the picture, or there is none. */
const SELFIE_STATUS = new Set([400, 409, 413, 415, 422]);

export function makeResults({ call, lightbox, isKept, onChoose, onSelection, onAnother, onAll }) {
  const root = byId("events-found");
  const more = byId("events-found-more");
  const galleries = ["sure", "maybe"].map((kind) =>
    makeGallery(byId(`events-found-${kind}`), { onOpen: open, onRenew: renew, onSelection, large: true }),
  );
  let event = null;
  let files = null;
  let page = 0;
  let total = 0;
  let fresh = 0; // since the last visit
  let progress = null;
  let lookedThen = 0; // photos that had been looked at when the answer came
  let requests = new AbortController();
  more.addEventListener("click", () => busy(more, () => next().catch((error) => showProblem(byId("events-found-problem"), error))));
  byId("events-found-choose").addEventListener("click", onChoose);
  byId("events-found-again").addEventListener("click", onAnother);
  byId("events-found-all").addEventListener("click", onAll);
  showState(root, "idle");

  function clear() {
    requests.abort();
    files = null;
    page = 0;
    total = 0;
    for (const gallery of galleries) gallery.set([]);
    showState(root, "idle");
    drawProgress();
  }

  function setEvent(next) {
    if (event?.id !== next.id) clear();
    event = next;
  }

  async function ask(number, signal, selfies = files) {
    const address = path`/api/events/${event.id}/find-my-face`;
    const query = { page: number, per_page: PER_PAGE };
    const answer = await call(() => {
      const options = { query, headers: tokenHeaders(event.id), signal };
      return selfies ? upload(address, { files: selfies }, options) : get(address, options);
    });
    const items = answer.data.map(({ image, face_coords: face, band: kind, new_since_last_visit: isNew }) =>
      pictureOf(image, { face, kind, isNew, kept: isKept(image.id) }),
    );
    return { items, total: answer.total ?? items.length };
  }

  async function search(selfies) {
    const before = root.dataset.shown;
    requests.abort();
    requests = new AbortController();
    const { signal } = requests;
    const looked = progress?.looked ?? 0;
    showState(root, "loading");
    announce(t("Looking for you on the photos …"));
    let answer;
    try {
      answer = await ask(1, signal, selfies);
    } catch (error) {
      if (isAbort(error) || signal.aborted) return null;
      if (error instanceof Problem && SELFIE_STATUS.has(error.status)) {
        showState(root, ["filled", "empty"].includes(before) ? before : "idle");
        return { error };
      }
      showState(root, "error");
      showProblem(byId("events-found-problem"), error, { retry: () => search(selfies) });
      return null;
    }
    files = selfies;
    page = 1;
    fresh = 0;
    lookedThen = looked;
    ({ total } = answer);
    for (const gallery of galleries) gallery.set([]);
    put(answer.items);
    showState(root, total ? "filled" : "empty");
    drawProgress();
    announce(total ? byId("events-found-title").textContent : t("You were not found on the photos"));
    return { count: total };
  }

  function put(items) {
    const [sure, maybe] = galleries;
    sure.add(items.filter(({ kind }) => kind !== "maybe"));
    maybe.add(items.filter(({ kind }) => kind === "maybe"));
    fresh = galleries.flatMap((gallery) => gallery.items).filter(({ isNew }) => isNew).length;
    draw();
  }

  async function next() {
    const { signal } = requests;
    const answer = await ask(page + 1, signal);
    if (signal.aborted) return;
    page += 1;
    total = answer.items.length ? answer.total : galleries.reduce((sum, { items }) => sum + items.length, 0);
    put(answer.items);
  }

  function shown() {
    return galleries.flatMap((gallery) => gallery.items);
  }

  async function loadAll() {
    while (shown().length < total) await next();
  }

  function draw() {
    const [sure, maybe] = galleries;
    const all = shown().length >= total;
    const certain = sure.items.length;
    const title = byId("events-found-title");
    if (!all && !maybe.items.length) title.textContent = tn("You are on {count} photo", "You are on {count} photos", total);
    else if (certain) title.textContent = tn("You are on {count} photo", "You are on {count} photos", certain);
    else title.textContent = t("Perhaps you are on these photos");
    const facts = [
      certain && maybe.items.length ? tn("{count} more may show you", "{count} more may show you", total - certain) : "",
      fresh ? tn("{count} new since your last visit", "{count} new since your last visit", fresh) : "",
    ].filter(Boolean);
    byId("events-found-facts").textContent = facts.join(" · ");
    byId("events-found-facts").hidden = !facts.length;
    byId("events-found-sure").hidden = !certain;
    byId("events-found-maybe-section").hidden = !maybe.items.length;
    more.hidden = all;
  }

  // --- photos that nobody has looked at yet

  function setProgress(now) {
    progress = now;
    drawProgress();
  }

  function drawProgress() {
    const box = byId("events-found-looking");
    const answered = ["filled", "empty"].includes(root.dataset.shown);
    const left = progress ? progress.total - progress.looked : 0;
    const news = answered && progress && progress.looked > lookedThen;
    const words = progress && t("{looked} of {total} photos have been looked at so far. You may be on the others, too.", progress);
    const hint = byId("events-found-unlooked");
    hint.hidden = left <= 0;
    if (left > 0) hint.querySelector("span").textContent = words;
    box.hidden = !answered || (left <= 0 && !news);
    if (box.hidden) return;
    byId("events-found-looking-text").textContent = left > 0 ? words : t("All photos have been looked at now.");
    byId("events-found-refresh").hidden = !news;
  }

  async function renew() {
    const { signal } = requests;
    for (let number = 1; number <= page; number += 1) {
      const { items } = await ask(number, signal);
      for (const gallery of galleries) gallery.renew(items);
    }
  }

  async function open(item) {
    const at = shown().findIndex(({ id }) => id === item.id);
    const last = await lightbox({ items: shown, at, total: () => total, more: next, renew });
    if (last) for (const gallery of galleries) gallery.focus(last.id);
  }

  return {
    setEvent,
    setProgress,
    search,
    clear,
    loadAll,
    galleries,
    get done() {
      return ["filled", "empty"].includes(root.dataset.shown);
    },
  };
}
