/**
 * makeBoard(room, {nameOf, onFinished}) -> {watch(job), has(test), clear(), resume(), stop()}
 *
 * A card for each job that is under way: progress, rate, remaining time, cancel, and in the end the result, which stays
 * until it is closed or another job begins. The server is asked while the page is seen (stop() and resume() for the tab),
 * less often for a job that takes long, and later after a failure; a server that is away is waited for by the page
 * itself (connection.js), which then shows the tab anew.
 *
 * watch(job, {fresh})   show a job, from GET /api/training/jobs or just started (fresh: cards of finished ones go)
 * has(job => …)         the card of the first job under way that fits, or null
 * clear()               takes every card away; the jobs go on
 */
import { copy, el, fill, icon } from "../../core/dom.js";
import { t } from "../../core/messages.js";
import { announce } from "../../core/announce.js";
import { busy } from "../../core/busy.js";
import { clearProblem, problemText, showProblem } from "../../core/errors.js";
import { Problem, del, get, isAbort, path } from "../../core/api.js";
import { makeProgress } from "../../core/progress.js";
import { releasePictures } from "../../core/picture.js";
import { headline, jobResult, jobTitle } from "./result.js";

const FIRST_MS = 400;
const GROWTH = 1.08;
const LONGEST_MS = 2500;
const LONGEST_AFTER_FAILURE_MS = 20_000;
/** In the queue longer than this: say what it may be waiting for. */
const PATIENCE_MS = 8000;

export function makeBoard(room, { nameOf, onFinished }) {
  const cards = new Map(); // id of a job -> card
  let seen = false;
  let timer = null;
  let wait = FIRST_MS;
  let requests = new AbortController();

  function underWay() {
    return [...cards.values()].filter((card) => !isFinished(card.job));
  }

  function watch(job, { fresh = false } = {}) {
    if (fresh) for (const card of [...cards.values()]) if (isFinished(card.job)) remove(card);
    let card = cards.get(job.id);
    if (!card) {
      if (isFinished(job)) return null;
      card = makeCard(job);
      cards.set(job.id, card);
      room.prepend(card.view);
    }
    show(card, job);
    wait = FIRST_MS;
    plan();
    return card;
  }

  function makeCard(job) {
    const view = copy("build-template-job");
    const part = (name) => view.querySelector(`.build-job-${name}`);
    for (const node of view.querySelectorAll("[id]")) node.id = `${node.id}-${job.id}`;
    const title = view.querySelector(".card-title");
    title.id = `build-job-title-${job.id}`;
    view.setAttribute("aria-labelledby", title.id);
    view.dataset.job = job.id;
    const card = {
      job,
      view,
      part,
      title,
      problem: view.querySelector(".problem-room"),
      progress: makeProgress(view.querySelector(".progress-room")),
      since: performance.now(),
    };
    part("cancel").addEventListener("click", () => busy(part("cancel"), () => cancel(card)));
    part("close").addEventListener("click", () => remove(card));
    return card;
  }

  function remove(card) {
    releasePictures(card.view);
    card.view.remove();
    cards.delete(card.job.id);
  }

  function show(card, job) {
    card.job = job;
    card.title.textContent =
      job.kind === "rebuild" ? t("Full rebuild") : t("Building embeddings for {name}", { name: jobTitle(job, nameOf) });
    fill(card.part("state"), stateTag(job));
    if (isFinished(job)) return showEnd(card);
    const { done, total, rate, eta_seconds: etaSeconds } = job.progress;
    const over = total !== null && done >= total;
    if (job.cancel_requested) card.progress.waiting(t("Stopping …"));
    else if (job.state === "queued") card.progress.waiting(t("Waiting for its turn …"));
    else if (over && total > 0) card.progress.waiting(t("Finishing …"));
    else card.progress.update({ done, total, rate, etaSeconds });
    const late = job.state === "queued" && performance.now() - card.since > PATIENCE_MS;
    note(card, late ? t("Another job runs first, or nothing works on jobs at the moment: the Status tab says which.") : "");
    card.part("cancel").disabled = job.cancel_requested || card.part("cancel").classList.contains("is-busy");
    return undefined;
  }

  function showEnd(card) {
    const { job, view } = card;
    const focused = view.contains(document.activeElement);
    card.progress.hide();
    note(card, "");
    clearProblem(card.problem);
    const words = headline(job, nameOf);
    card.title.textContent = words;
    fill(card.part("result"), jobResult(job));
    card.part("result").hidden = false;
    card.part("cancel").hidden = true;
    card.part("close").hidden = false;
    if (focused) card.title.focus();
    announce(words, { urgent: job.state === "failed" });
    onFinished(job, view);
  }

  function note(card, text) {
    card.part("note").hidden = !text;
    card.part("note").textContent = text;
  }

  async function cancel(card) {
    clearProblem(card.problem);
    try {
      const { data } = await del(path`/api/training/jobs/${card.job.id}`);
      if (!isFinished(card.job)) show(card, data);
    } catch (error) {
      if (error instanceof Problem && error.code === "job_already_finished") return ask(card).catch(() => {});
      showProblem(card.problem, error, { retry: () => cancel(card) });
    }
    wait = FIRST_MS;
    plan();
    return undefined;
  }

  async function ask(card, signal) {
    let job;
    try {
      job = (await get(path`/api/training/jobs/${card.job.id}`, { signal })).data;
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "job_not_found") throw error;
      // It went with its user.
      remove(card);
      onFinished(card.job, null);
      return;
    }
    if (cards.get(job.id) === card && !isFinished(card.job)) show(card, job);
  }

  function plan(pause = wait) {
    clearTimeout(timer);
    if (seen && !document.hidden && underWay().length) timer = setTimeout(round, pause);
  }

  async function round() {
    const { signal } = requests;
    try {
      await Promise.all(underWay().map((card) => ask(card, signal)));
      for (const card of underWay()) clearProblem(card.problem);
      wait = Math.min(wait * GROWTH, LONGEST_MS);
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      // The page waits for a server that is away, and shows the tab again; whoever is signed out has to act.
      if (error.code === "offline" || error.status === 401) return;
      wait = Math.min(Math.max((error.retryAfterSeconds ?? 0) * 1000, wait * 2), LONGEST_AFTER_FAILURE_MS);
      for (const card of underWay()) note(card, t("{problem} Asking again …", { problem: problemText(error) }));
    }
    if (!signal.aborted) plan();
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else {
      wait = FIRST_MS;
      plan(0);
    }
  });

  return {
    watch,
    clear() {
      for (const card of [...cards.values()]) remove(card);
    },
    has: (fits) => underWay().find((card) => fits(card.job)) ?? null,
    resume() {
      seen = true;
      wait = FIRST_MS;
      requests.abort();
      requests = new AbortController();
      plan(0);
    },
    stop() {
      seen = false;
      clearTimeout(timer);
      requests.abort();
    },
  };
}

export function isFinished(job) {
  return ["succeeded", "failed", "cancelled"].includes(job.state);
}

export function stateTag(job) {
  if (job.state === "succeeded") return el("span", { class: "tag tag-good" }, icon("check-lg"), t("Done"));
  if (job.state === "failed") return el("span", { class: "tag tag-bad" }, icon("x-lg"), t("Failed"));
  if (job.state === "cancelled") return el("span", { class: "tag" }, t("Cancelled"));
  if (job.state === "queued") return el("span", { class: "tag tag-warn" }, t("Waiting"));
  return el("span", { class: "tag tag-good" }, t("Running"));
}
