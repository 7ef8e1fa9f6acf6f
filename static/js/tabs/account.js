/* The tab "account": POST /api/auth/login-pass-verify, google and logout, GET /api/auth/me and /api/me/export, DELETE
   /api/me, /api/auth/google/link. Google sends people back here (core/google.js).
   ?to=/photos?user=3 names the tab that asked for the sign-in: it comes up again afterwards. */
import { announce, notice } from "../core/announce.js";
import { Problem, del, download, get, isAbort, post } from "../core/api.js";
import { busy, onSubmit } from "../core/busy.js";
import { config } from "../core/config.js";
import { confirm, openDialog } from "../core/dialog.js";
import { byId, copy, fill, showState } from "../core/dom.js";
import { clearFieldErrors, clearProblem, markField, showFieldErrors, showProblem, showText } from "../core/errors.js";
import { dateTime, seconds } from "../core/format.js";
import { googleSetup, googleWorks, startGoogle, takeAnswer } from "../core/google.js";
import { t } from "../core/messages.js";
import { makeReveal } from "../core/password.js";
import { avatar } from "../core/people.js";
import { go, replaceQuery } from "../core/router.js";
import { adopt, learn, letGo, restore, session, signIn, signOut } from "../core/session.js";

const EXPORT_NAME = "kenali-export.json";
const TICK_MS = 500;

/** Email in small letters -> when it opens again, by this page's clock. */
const locked = new Map();
let requests = new AbortController();
let timer = null;
let reveal = null;
let deleted = false; // in this window, a moment ago

export function setUp(panel) {
  const email = byId("account-form-email");
  const password = byId("account-form-password");
  onSubmit(byId("account-form"), enter);
  email.addEventListener("input", () => {
    markField(email, "");
    clearProblem(byId("account-form-problem"));
    showLock();
  });
  password.addEventListener("input", () => markField(password, ""));
  reveal = makeReveal(password, byId("account-form-password-show"));
  byId("account-sign-out").addEventListener("click", (event) => busy(event.currentTarget, () => leave()));
  byId("account-sign-out-everywhere").addEventListener("click", leaveEverywhere);
  byId("account-export").addEventListener("click", (event) => busy(event.currentTarget, save));
  byId("account-delete").addEventListener("click", remove);
  byId("account-google-start").addEventListener("click", toGoogle);
  byId("account-binding-start").addEventListener("click", toLink);
  byId("account-binding-stop").addEventListener("click", unlink);
  for (const part of panel.querySelectorAll("[data-access]")) part.hidden = part.dataset.access !== config.access;
  byId("account-face").hidden = !config.faceLogin;
}

export async function show() {
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  const answer = takeAnswer();
  if (answer) {
    await comeBack(answer);
    return;
  }
  // A session that could not be taken up when the page was loaded, the server being away.
  if (!session.signedIn) await restore();
  if (signal.aborted) return;
  if (session.signedIn) await showAccount(signal);
  else showForm();
}

export function hide() {
  requests.abort();
  clearTimeout(timer);
  deleted = false;
  reveal.show(false);
}

// --- signed out

function showForm() {
  showState(byId("account-body"), "out");
  tell(endedInWords());
  const wanted = destination();
  const note = byId("account-wanted");
  note.hidden = !wanted;
  if (wanted) note.textContent = t("After that, {tab} opens.", { tab: config.tabs[wanted.key].title });
  showLock();
  offerGoogle();
}

/** Why nobody is signed in, where that is not plain. */
function endedInWords() {
  if (deleted) return t("Your account is deleted, and everything that was kept about you with it.");
  if (session.ending === "server") {
    return t("Your session has ended: it was signed out elsewhere, or has not been used for too long. Sign in again.");
  }
  if (session.ending === "window") return t("You signed out in another window.");
  return "";
}

function tell(text) {
  byId("account-note").hidden = !text;
  byId("account-note-text").textContent = text;
  if (text) announce(text);
}

/** The tab to go back to. It comes from the address, so nothing but a tab of this page is taken. */
function destination(to = new URLSearchParams(location.search).get("to")) {
  if (!to?.startsWith("/") || !URL.canParse(to, location.origin)) return null;
  const url = new URL(to, location.origin);
  const found = Object.entries(config.tabs).find(([key, tab]) => tab.path === url.pathname && key !== "account");
  if (url.origin !== location.origin || !found) return null;
  return { key: found[0], query: Object.fromEntries(url.searchParams) };
}

async function enter() {
  const form = byId("account-form");
  const room = byId("account-form-problem");
  const email = byId("account-form-email");
  const password = byId("account-form-password");
  clearFieldErrors(form);
  clearProblem(room);
  if (!complete(email, password)) return;
  const wanted = destination();
  try {
    await signIn(email.value.trim(), password.value);
  } catch (error) {
    refused(error);
    return;
  }
  form.reset();
  reveal.show(false);
  replaceQuery({ to: null });
  arrive(wanted, t("You are signed in as {name}.", { name: session.account.name }));
}

/** Signed in: the tab that asked for it, or who I am. */
function arrive(wanted, words, { isNew = false } = {}) {
  if (wanted) {
    go(wanted.key, wanted.query);
    notice(words);
  } else {
    byId("account-me-name").focus();
    if (isNew) notice(words);
    else announce(words);
  }
}

function complete(email, password) {
  if (!email.value.trim()) markField(email, t("Enter your email address."));
  if (!password.value) markField(password, t("Enter your password."));
  const first = byId("account-form").querySelector(".is-invalid");
  first?.focus();
  if (first) announce(byId(`${first.id}-error`).textContent, { urgent: true });
  return !first;
}

function refused(error) {
  const form = byId("account-form");
  const password = byId("account-form-password");
  if (error.status === 429) {
    const waitMs = (error.retryAfterSeconds ?? 1) * 1000;
    locked.set(nameIn(byId("account-form-email")), performance.now() + waitMs);
    showLock();
    return;
  }
  if (error.code === "invalid_input" && showFieldErrors(form, error)) return;
  showProblem(byId("account-form-problem"), error, { retry: () => form.requestSubmit() });
  if (error.code === "invalid_credentials") {
    password.focus();
    password.select();
  }
}

// --- locked after too many failures

function nameIn(input) {
  return input.value.trim().toLowerCase();
}

/** Shows, second by second, how long the address in the form stays locked; another address may be tried meanwhile. */
function showLock() {
  clearTimeout(timer);
  const box = byId("account-locked");
  const button = byId("account-form-start");
  const name = nameIn(byId("account-form-email"));
  const leftMs = (locked.get(name) ?? 0) - performance.now();
  const open = leftMs <= 0;
  if (open && locked.delete(name) && !box.hidden) announce(t("You can try again now."));
  const title = open ? "" : t("Too many failed attempts: {email} is locked for a while.", { email: name });
  if (byId("account-locked-title").textContent !== title) byId("account-locked-title").textContent = title;
  box.hidden = open;
  const busyNow = button.classList.contains("is-busy"); // busy.js gives the button free right after this
  if (!busyNow) button.disabled = !open;
  if (open) return;
  byId("account-locked-time").textContent = seconds(Math.ceil(leftMs / 1000));
  timer = setTimeout(showLock, busyNow ? 0 : TICK_MS);
}

// --- with Google

async function offerGoogle() {
  const works = await googleWorks();
  byId("account-google").hidden = !works;
  const opens = works && (await googleSetup()).sign_up;
  byId("account-google-hint").hidden = !opens;
  byId("account-first-google").hidden = !opens;
  byId("account-first-admin").hidden = opens;
}

async function toGoogle(event) {
  const room = byId("account-google-problem");
  clearProblem(room);
  const back = new URLSearchParams(location.search).get("to");
  await busy(event.currentTarget, () => leaveFor({ purpose: "sign-in", back }, room));
}

async function toLink(event) {
  const room = byId("account-binding-problem");
  clearProblem(room);
  await busy(event.currentTarget, () => leaveFor({ purpose: "link" }, room));
}

async function leaveFor(what, room) {
  try {
    await startGoogle(what);
  } catch (error) {
    showProblem(room, error, { retry: () => leaveFor(what, room) });
  }
}

/** What Google answered; the browser has just come from there. */
async function comeBack(answer) {
  if (answer.purpose === "link") await linkWith(answer);
  else await enterWith(answer);
}

async function enterWith({ back, error, body }) {
  const room = byId("account-google-problem");
  const wanted = destination(back);
  if (wanted) replaceQuery({ to: back });
  clearProblem(room);
  if (error) {
    await show();
    showText(room, refusalInWords(error));
    return;
  }
  showState(byId("account-body"), "google");
  let news;
  try {
    const { data } = await post("/api/auth/google", body);
    news = data.is_new_user;
    replaceQuery({ to: null });
    await adopt({ token: data.access_token, refresh_token: data.refresh_token, user_id: data.user_id });
  } catch (problem) {
    await show();
    showProblem(room, problem, { retry: () => leaveFor({ purpose: "sign-in", back }, room) });
    return;
  }
  const { name } = session.account;
  const words = news ? t("Welcome, {name}: you have an account now.", { name }) : t("You are signed in as {name}.", { name });
  arrive(wanted, words, { isNew: news });
}

async function linkWith({ error, body, personId }) {
  const room = byId("account-binding-problem");
  clearProblem(room);
  await show();
  if (error) {
    showText(room, refusalInWords(error));
    return;
  }
  if (session.account?.user_id !== personId) {
    // The session has ended meanwhile: the tab shows the form.
    showText(byId("account-google-problem"), t("You are not signed in any more: sign in, then link the Google account again."));
    return;
  }
  try {
    const { data } = await post("/api/auth/google/link", body);
    notice(t("From now on {email} signs you in, too.", { email: data.email }));
  } catch (problem) {
    showProblem(room, problem, { retry: () => leaveFor({ purpose: "link" }, room) });
  }
  await drawLink();
}

function refusalInWords(error) {
  if (error === "access_denied") return t("You went back without choosing a Google account: nothing has changed.");
  if (error === "foreign") return t("This answer of Google belongs to no question of this window. Start again here.");
  return t("Google did not go on ({word}). Start again here.", { word: error });
}

async function drawLink() {
  const box = byId("account-binding");
  const works = await googleWorks();
  let link;
  try {
    if (!(await googleSetup()).sign_in) {
      box.hidden = true;
      return;
    }
    ({ data: link } = await get("/api/auth/google/link"));
  } catch (error) {
    if (session.signedIn) showProblem(byId("account-binding-problem"), error, { retry: drawLink });
    box.hidden = !works;
    return;
  }
  box.hidden = !works && !link.linked;
  byId("account-binding-add").hidden = link.linked;
  byId("account-binding-remove").hidden = !link.linked;
  byId("account-binding-text").textContent = link.linked
    ? t("{email} signs you in since {time}.", { email: link.email || t("A Google account"), time: dateTime(link.created_at) })
    : t("Sign in without a password: link the Google account that is yours, whatever its address.");
}

async function unlink() {
  const room = byId("account-binding-problem");
  clearProblem(room);
  const title = t("Unlink the Google account?");
  const text = t("It signs you in no more. The account here and everything in it stay.");
  if (!(await confirm({ title, text, ok: t("Unlink"), work: () => del("/api/auth/google/link") }))) return;
  notice(t("The Google account is unlinked."));
  await drawLink();
}

// --- signed in

async function showAccount(signal) {
  deleted = false;
  tell("");
  draw(session.account);
  showState(byId("account-body"), "in");
  drawLink();
  const room = byId("account-problem");
  try {
    const { data } = await get("/api/auth/me", { signal });
    clearProblem(room);
    learn(data);
    if (!signal.aborted) draw(data);
  } catch (error) {
    // Without a session this tab is shown anew already.
    if (!isAbort(error) && session.signedIn) showProblem(room, error, { retry: () => show() });
  }
}

function draw(account) {
  fill(byId("account-avatar"), avatar(account));
  byId("account-me-name").textContent = account.name;
  byId("account-me-email").textContent = account.email;
  const role = byId("account-me-role");
  role.hidden = !account.role;
  role.textContent = account.role === "admin" ? t("Admin") : t("User");
  role.classList.toggle("tag-good", account.role === "admin");
  byId("account-me-id").textContent = String(account.user_id);
  byId("account-me-created").textContent = dateTime(account.created_at) || "–";
  byId("account-me-method").textContent = account.signed_in_at ? methodInWords(account) : "–";
  byId("account-me-until").textContent = dateTime(account.expires_at) || "–";
  byId("account-link-photos").href = `/photos?user=${account.user_id}`;
  byId("account-link-users").href = `/users?q=${encodeURIComponent(account.email)}`;
}

function methodInWords({ method, signed_in_at: at }) {
  const time = dateTime(at);
  if (method === "google") return t("with Google, {time}", { time });
  return method === "face" ? t("with a face, {time}", { time }) : t("with the password, {time}", { time });
}

async function leave() {
  const room = byId("account-problem");
  clearProblem(room);
  try {
    await signOut();
  } catch (error) {
    showProblem(room, error, { retry: () => byId("account-sign-out").click() });
    return;
  }
  gone(t("You are signed out."));
}

async function leaveEverywhere() {
  const title = t("Sign out everywhere");
  const text = t("Every window, phone and app in which you are signed in is signed out at once, this one too.");
  if (!(await confirm({ title, text, ok: title, work: () => signOut({ everywhere: true }) }))) return;
  gone(t("You are signed out everywhere."));
}

function gone(words) {
  byId("account-form").reset();
  showLock();
  notice(words);
  byId("heading-account").focus();
}

async function save() {
  const room = byId("account-export-problem");
  clearProblem(room);
  try {
    await download("/api/me/export", EXPORT_NAME);
    notice(t("Your data is saved as {file}.", { file: EXPORT_NAME }));
  } catch (error) {
    if (session.signedIn) showProblem(room, error, { retry: () => byId("account-export").click() });
  }
}

async function remove() {
  const { email } = session.account;
  const body = copy("account-template-delete");
  body.querySelector("#account-delete-email").placeholder = email;
  const work = async (form) => {
    const typed = form.elements.namedItem("email").value.trim().toLowerCase();
    if (typed !== email.toLowerCase()) {
      throw new Problem({ status: 400, code: "invalid_input", errors: { email: t("This is not {email}.", { email }) } });
    }
    try {
      await del("/api/me");
    } catch (error) {
      if (!session.signedIn) form.closest("dialog").close(); // the session is over: the tab says so
      throw error.code === "last_admin" ? lastAdmin() : error;
    }
  };
  const title = t("Delete my account");
  if (!(await openDialog({ title, body, ok: t("Delete for good"), danger: true, work }))) return;
  deleted = true;
  letGo();
  byId("account-form").reset();
  byId("heading-account").focus();
}

function lastAdmin() {
  const message = t("You are the last admin: without you nobody could manage this server. Make somebody else an admin first, in a terminal on the server: flask admin promote EMAIL");
  return new Problem({ status: 409, code: "last_admin", message });
}
