/**
 * Whether the server answers. http.js reports; a banner tells; the server is asked again and again until it is back.
 *
 * lost(), alive()   reports of a request
 * isOffline()       whether the server was away when it was last asked
 * onBack(fn)        calls fn each time the server is back; answers a function that ends that
 * whenBack()        a promise for the next time (at once while the server is there)
 * watchConnection() starts the banner's buttons; main.js does
 */
import { byId } from "./dom.js";
import { t } from "./messages.js";
import { announce } from "./announce.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 10_000;
const PATIENCE_MS = 5000;

const listeners = new Set();
let away = false;
let asking = false;
let wait = FIRST_WAIT_MS;
let timer = null;

export function isOffline() {
  return away;
}

export function onBack(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function whenBack() {
  if (!away) return Promise.resolve();
  return new Promise((resolve) => {
    const end = onBack(() => {
      end();
      resolve();
    });
  });
}

export function lost() {
  if (away) return;
  away = true;
  wait = FIRST_WAIT_MS;
  show(t("The server does not answer. What you have typed stays here; trying again …"));
  announce(t("The server does not answer."), { urgent: true });
  plan();
}

/** Any answer shows that the server is there, but only its health tells whether it can work. */
export function alive() {
  if (away && !asking) ask();
}

export function watchConnection() {
  byId("offline-retry").addEventListener("click", ask);
  window.addEventListener("online", () => away && ask());
  document.addEventListener("visibilitychange", () => away && !document.hidden && ask());
}

function plan() {
  clearTimeout(timer);
  timer = setTimeout(ask, wait);
  wait = Math.min(wait * 1.6, LONGEST_WAIT_MS);
}

async function ask() {
  if (asking || !away) return;
  clearTimeout(timer);
  asking = true;
  const state = await health();
  asking = false;
  if (!away) return;
  if (state === "away") return plan();
  if (state === "starting") {
    show(t("The server is there, but its database does not answer yet; trying again …"));
    return plan();
  }
  away = false;
  byId("offline-banner").hidden = true;
  announce(t("The server is back."));
  for (const listener of [...listeners]) listener();
}

async function health() {
  try {
    const answer = await fetch("/api/health/ready", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok) return "back";
    const problem = await answer.json();
    // A part that is ill (a model, the disk) has its own messages; without the database nothing works.
    return problem.errors && !("database" in problem.errors) ? "back" : "starting";
  } catch {
    return "away";
  }
}

function show(text) {
  byId("offline-text").textContent = text;
  byId("offline-banner").hidden = false;
}
