/**
 * Showing what went wrong, in the visitor's language, with what to do next.
 *
 * showProblem(room, error, {retry})   an alert in room (macro alert_box). retry: called by a button, where trying again
 *                                     makes sense; with Retry-After the button counts down first
 * showText(room, text, {retry})       the same for a sentence of your own (a camera that was denied, say)
 * clearProblem(room)
 * showFieldErrors(form, error)        puts `errors` of the API beside the fields of the same name; true if every one of
 *                                     them found its field (then no alert is needed); moves the focus to the first
 * clearFieldErrors(form)
 * problemText(error)                  the sentence alone
 * serverText(text)                    the translation of anything the API said (warnings, advice, details)
 *
 * In a tab:  try { … } catch (error) { if (!isAbort(error)) showProblem(room, error, {retry: load}); }
 */
import { el, fill, icon } from "./dom.js";
import { messages, t } from "./messages.js";
import { announce } from "./announce.js";
import { Problem, isAbort } from "./http.js";
import { seconds } from "./format.js";
import { config } from "./config.js";
import { session } from "./session.js";

/** Where the API's own words are for programmers. */
const WORDS = {
  offline: () => t("The server does not answer."),
  invalid_input: () => t("Something is missing or not right: see the marked fields."),
  missing_file: () => t("Choose a file first."),
  no_photo_accepted: () => t("None of the files could be taken."),
  not_authenticated: () => t("Sign in first."),
  token_expired: () => t("Your session has ended: sign in again."),
  token_invalid: () => t("Your session has ended: sign in again."),
  not_found: () => t("This does not exist (any more)."),
  internal_error: () => t("Something went wrong on the server; its log says what."),
  not_ready: () => t("Some part of the server cannot do its work: the Status tab says which."),
  unknown: () => t("Something went wrong on the way to the server."),
};
const SENTENCES = {
  "Nobody is trained yet: upload photos of a user, then call POST /api/training/incremental.": () =>
    t("Nobody is trained yet: upload photos of a user, then build the database."),
};
/** Asking again may help; anything else has to be changed first. */
const PASSING = new Set(["offline", "server_busy", "model_busy", "database_unavailable", "not_ready", "storage_unavailable"]);

export function problemText(error) {
  if (!(error instanceof Problem)) return t("Something went wrong on this page: {text}", { text: error?.message ?? error });
  if (error.code in WORDS && !(error.code === "invalid_input" && !Object.keys(error.errors).length)) {
    return WORDS[error.code]();
  }
  return serverText(error.message) || WORDS.unknown();
}

export function serverText(text) {
  if (!text) return "";
  if (text in SENTENCES) return SENTENCES[text]();
  const known = messages()[text];
  if (typeof known === "string") return known;
  for (const [pattern, translation] of patterns()) {
    const found = pattern.exec(text);
    if (found) return translation.replace(/\{(\w+)\}/g, (gap, name) => found.groups[`g${name}`] ?? gap);
  }
  return text;
}

export function showProblem(room, error, { retry = null } = {}) {
  if (isAbort(error)) return;
  if (!(error instanceof Problem)) console.error(error);
  const rest = Object.entries(error.errors ?? {});
  const list = rest.length && error.code !== "invalid_input" ? rest : [];
  const items = list.map(([name, what]) => el("li", {}, `${name}: ${serverText(what)}`));
  alertIn(room, problemText(error), items.length ? el("ul", {}, items) : null, actionsFor(error, retry, room));
}

export function showText(room, text, { retry = null } = {}) {
  alertIn(room, text, null, retry ? [retryButton({}, retry, room)] : []);
}

function alertIn(room, text, details, actions) {
  const words = el("div", {}, el("p", { class: "problem-text" }, text), details);
  if (actions.length) words.append(el("div", { class: "problem-actions" }, actions));
  fill(room, el("div", { class: "problem", role: "alert" }, icon("exclamation-triangle"), words));
}

export function clearProblem(room) {
  fill(room);
}

export function showFieldErrors(form, error) {
  clearFieldErrors(form);
  let complete = Object.keys(error.errors ?? {}).length > 0;
  for (const [name, what] of Object.entries(error.errors ?? {})) {
    const input = form.elements.namedItem(name);
    if (!(input instanceof HTMLElement)) {
      complete = false;
      continue;
    }
    markField(input, serverText(what));
  }
  const first = form.querySelector(".is-invalid"); // from above, whatever order the API has
  first?.focus();
  if (first) announce(problemText(error), { urgent: true });
  return complete;
}

/** Mark one field by hand: showFieldErrors does it for what the API says. */
export function markField(input, text) {
  input.classList.toggle("is-invalid", Boolean(text));
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  const room = document.getElementById(`${input.id}-error`);
  if (room) room.textContent = text ? text[0].toUpperCase() + text.slice(1) : "";
}

export function clearFieldErrors(form) {
  for (const input of form.querySelectorAll(".is-invalid")) markField(input, "");
}

function actionsFor(error, retry, room) {
  const actions = [];
  const lost = ["not_authenticated", "token_expired", "token_invalid"].includes(error.code);
  if (lost && !session.signedIn) {
    const href = `${config.tabs.account.path}?to=${encodeURIComponent(location.pathname + location.search)}`;
    actions.push(el("a", { class: "btn btn-sm btn-primary", href, dataset: { tabLink: "account" } }, t("Go to sign-in")));
  }
  if (retry && (PASSING.has(error.code) || error.status >= 500 || error.status === 429 || error.retryAfterSeconds)) {
    actions.push(retryButton(error, retry, room));
  }
  return actions;
}

function retryButton(error, retry, room) {
  const button = el("button", { class: "btn btn-sm btn-outline-secondary", type: "button" }, t("Try again"));
  button.addEventListener("click", () => {
    clearProblem(room);
    retry();
  });
  if (error.retryAfterSeconds) {
    const until = performance.now() + error.retryAfterSeconds * 1000;
    button.disabled = true;
    const tick = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      button.disabled = left > 0;
      button.textContent = left > 0 ? t("Try again in {time}", { time: seconds(left) }) : t("Try again");
      if (left > 0 && (button.isConnected || left === error.retryAfterSeconds)) setTimeout(tick, 1000);
    };
    tick();
  }
  return button;
}

let built = null;

/** What the API says with gaps (they are numbered; this page's own have names), as patterns; the longest texts first. */
function patterns() {
  built ??= Object.entries(messages())
    .filter(([text, translation]) => typeof translation === "string" && /\{\d+\}/.test(text))
    .sort(([one], [other]) => fixed(other) - fixed(one))
    .map(([text, translation]) => [
      new RegExp(`^${escape(text).replace(/\\\{(\w+)\\\}/g, (_, name) => `(?<g${name}>.+?)`)}$`, "s"),
      translation,
    ]);
  return built;
}

function fixed(text) {
  return text.replace(/\{\w+\}/g, "").length;
}

function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
