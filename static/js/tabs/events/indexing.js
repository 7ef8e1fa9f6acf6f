/**
 * How far looking for faces is, asked again while it runs.
 *
 * makeIndexing({onEvent}) -> {watch(event), look(), stop()}
 *      watch(event): shows its numbers and goes on asking while photos wait. look(): asks at once. onEvent(event): each
 *      answer
 */
import { announce, notice } from "../../core/announce.js";
import { get, isAbort, path, post } from "../../core/api.js";
import { busy } from "../../core/busy.js";
import { byId, el, fill } from "../../core/dom.js";
import { clearProblem, showProblem } from "../../core/errors.js";
import { t, tn } from "../../core/messages.js";
import { makeProgress } from "../../core/progress.js";

const AGAIN_MS = 2000;
const RATE_WINDOW_MS = 60_000;
const RATE_MIN_MS = 5000;
/** Of photos of which nothing has moved. */
const PATIENCE_MS = 60_000;
/** Failed photos that are named. */
const MOST_FAILED = 200;
const REASONS = {
  photo_file_missing: () => t("The file is gone from the server's disk."),
  unsupported_image: () => t("The picture cannot be read."),
  image_too_large: () => t("The picture has too many pixels."),
  image_too_small: () => t("The picture is too small."),
  model_busy: () => t("The face model was busy."),
  model_not_usable: () => t("The face model could not be used."),
  model_download_failed: () => t("The face model could not be downloaded."),
  worker_died: () => t("Looking at it was interrupted again and again."),
  storage_unavailable: () => t("The place of the photos could not be reached."),
};

export function makeIndexing({ onEvent }) {
  const box = byId("events-index");
  const progress = makeProgress(byId("events-index-progress"));
  const problem = byId("events-index-problem");
  const why = byId("events-index-why");
  const list = byId("events-index-list");
  let event = null;
  let timer = null;
  let samples = [];
  let moved = { done: -1, at: 0 };
  let requests = new AbortController();

  byId("events-index-again").addEventListener("click", (click) => busy(click.currentTarget, again));
  why.addEventListener("click", () => busy(why, () => tellWhy(list.hidden)));

  function watch(next) {
    if (event?.id !== next.id) {
      samples = [];
      moved = { done: -1, at: 0 };
      tellWhy(false);
      clearProblem(problem);
    }
    event = next;
    draw();
    clearTimeout(timer);
    if (waits()) timer = setTimeout(look, AGAIN_MS);
  }

  function waits() {
    return event.total > event.indexed + event.failed;
  }

  async function look() {
    const { id } = event;
    const { signal } = requests;
    const waited = waits();
    clearTimeout(timer);
    try {
      const { data } = await get(path`/api/events/${id}`, { signal });
      if (signal.aborted || event.id !== id) return;
      onEvent(data);
      watch(data);
      if (waited && !waits()) announce(byId("events-index-words").textContent);
    } catch (error) {
      // The banner tells that the server is away, whoever is back loads everything anew.
      if (!isAbort(error)) timer = setTimeout(look, AGAIN_MS * 3);
    }
  }

  function draw() {
    const { total, indexed, failed, faces } = event;
    const done = indexed + failed;
    const running = waits();
    box.hidden = !total;
    box.classList.toggle("is-done", !running);
    byId("events-index-words").textContent = running
      ? t("Looking for faces: guests find what has been looked at.")
      : [tn("{count} photo has been looked at", "{count} photos have been looked at", indexed), tn("{count} face found", "{count} faces found", faces)].join(" · ");
    if (running) progress.update({ done, total, ...speed(done, total) });
    else progress.hide();
    if (moved.done !== done) moved = { done, at: performance.now() };
    byId("events-index-stuck").hidden = !running || performance.now() - moved.at < PATIENCE_MS;
    byId("events-index-failed").hidden = !failed;
    byId("events-index-failed-words").textContent = tn("{count} photo could not be looked at.", "{count} photos could not be looked at.", failed);
    if (!failed) tellWhy(false);
  }

  function speed(done, total) {
    const now = performance.now();
    samples = [...samples.filter(([at, count]) => now - at < RATE_WINDOW_MS && count <= done), [now, done]];
    const [[since, before]] = samples;
    const passed = (now - since) / 1000;
    const rate = passed * 1000 >= RATE_MIN_MS ? (done - before) / passed : 0;
    return rate ? { rate, etaSeconds: Math.max(1, Math.round((total - done) / rate)) } : {};
  }

  async function again() {
    clearProblem(problem);
    try {
      const { data } = await post(path`/api/events/${event.id}/index`, {});
      notice(tn("{count} photo is looked at again", "{count} photos are looked at again", data.queued), { kind: "info" });
      await look();
    } catch (error) {
      showProblem(problem, error, { retry: again });
    }
  }

  async function tellWhy(open) {
    if (open) {
      clearProblem(problem);
      try {
        fill(list, (await findFailed()).map(line));
      } catch (error) {
        showProblem(problem, error, { retry: () => tellWhy(true) });
        return;
      }
    }
    list.hidden = !open;
    why.setAttribute("aria-expanded", String(open));
  }

  async function findFailed() {
    const found = [];
    const wanted = Math.min(event.failed, MOST_FAILED);
    for (let page = 1; found.length < wanted; page += 1) {
      const { data } = await get(path`/api/events/${event.id}/images`, { query: { page, limit: 200 }, signal: requests.signal });
      found.push(...data.items.filter(({ state }) => state === "failed"));
      if (page >= data.total_pages) break;
    }
    return found.slice(0, MOST_FAILED);
  }

  function line({ file_name: name, failure }) {
    const reason = REASONS[failure]?.() ?? t("Something went wrong in the server; its log says what.");
    return el("li", {}, el("span", { class: "events-outcome-name" }, name), el("span", { class: "events-outcome-text" }, reason));
  }

  return {
    watch,
    look,
    stop() {
      requests.abort();
      requests = new AbortController();
      clearTimeout(timer);
    },
  };
}
