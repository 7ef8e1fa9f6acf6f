/**
 * Signing in with Google, without a script of theirs: the page sends the browser to Google, and Google sends it back to
 * the tab Password Login with a code, which the API exchanges (authorization code with PKCE, RFC 7636).
 *
 * What proves that an answer belongs to this window (state, nonce, verifier) lies in sessionStorage meanwhile.
 *
 * googleSetup()                     what GET /api/auth/google says; asked once
 * offerGoogle(root, {back})         shows the [data-google] blocks in root if Google sign-in works here, and makes their
 *                                   [data-google-start] buttons start it; back() is the address to return to
 * startGoogle({purpose, back})      goes to Google; purpose "sign-in" or "link"
 * catchAnswer()                     main.js, before all else: takes Google's answer out of the address bar
 * takeAnswer()                      the tab: the answer, once: {purpose, back, personId, error} or with body for the API
 */
import { get } from "./api.js";
import { config, language } from "./config.js";
import { session } from "./session.js";

const KEY = "kenali:google";
/** Google forgets the question sooner. */
const PATIENCE_MS = 3_600_000;
/** What Google adds to the address. */
const PARTS = ["code", "state", "error", "error_description", "error_subtype", "scope", "authuser", "prompt", "hd", "iss"];

let setup = null;
let answer = null;

export function googleSetup() {
  setup ??= get("/api/auth/google").then(
    ({ data }) => data,
    (error) => {
      setup = null;
      throw error;
    },
  );
  return setup;
}

/** Google answers no page without TLS, save on this machine; and a browser hashes nothing there. */
export async function googleWorks() {
  if (!window.isSecureContext) return false;
  try {
    return Boolean((await googleSetup()).authorize_url);
  } catch {
    return false; // the server is away: there are other ways in, and the next look finds out
  }
}

export async function offerGoogle(root, { back = () => null } = {}) {
  const works = await googleWorks();
  for (const block of root.querySelectorAll("[data-google]")) block.hidden = !works;
  if (!works) return;
  for (const button of root.querySelectorAll("[data-google-start]")) {
    button.onclick = () => startGoogle({ purpose: "sign-in", back: back() });
  }
}

export async function startGoogle({ purpose, back = null }) {
  const { authorize_url: page, client_id: client } = await googleSetup();
  const pending = {
    purpose,
    back,
    personId: session.account?.user_id ?? null,
    state: secret(),
    nonce: secret(),
    verifier: secret(),
    since: Date.now(),
  };
  sessionStorage.setItem(KEY, JSON.stringify(pending));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
  const url = new URL(page);
  const question = {
    client_id: client,
    redirect_uri: returnAddress(),
    response_type: "code",
    scope: "openid email profile",
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: inLetters(new Uint8Array(digest)),
    code_challenge_method: "S256",
    prompt: "select_account",
    hl: language,
  };
  for (const [name, value] of Object.entries(question)) url.searchParams.set(name, value);
  location.assign(url);
}

export function catchAnswer() {
  const query = new URLSearchParams(location.search);
  const given = location.pathname === config.tabs.account.path && (query.has("code") || query.has("error"));
  if (!given || !query.has("state")) return;
  const shown = Object.fromEntries(PARTS.map((name) => [name, query.get(name)]));
  for (const name of PARTS) query.delete(name);
  const rest = query.toString();
  history.replaceState(null, "", location.pathname + (rest ? `?${rest}` : ""));
  answer = read(shown, pendingOnce());
}

export function takeAnswer() {
  const taken = answer;
  answer = null;
  return taken;
}

function read(shown, pending) {
  if (!pending || shown.state !== pending.state) return { purpose: "sign-in", back: null, error: "foreign" };
  const { purpose, back, personId, nonce, verifier } = pending;
  if (shown.error || !shown.code) return { purpose, back, personId, error: shown.error || "no_code" };
  const body = { server_auth_code: shown.code, nonce, code_verifier: verifier, redirect_uri: returnAddress() };
  return { purpose, back, personId, error: null, body };
}

/** What this window asked Google, good for one answer. */
function pendingOnce() {
  try {
    const pending = JSON.parse(sessionStorage.getItem(KEY));
    sessionStorage.removeItem(KEY);
    return pending && Date.now() - pending.since < PATIENCE_MS ? pending : null;
  } catch {
    return null;
  }
}

/** As it is entered in Google's console. */
function returnAddress() {
  return location.origin + config.tabs.account.path;
}

function secret() {
  return inLetters(crypto.getRandomValues(new Uint8Array(32)));
}

function inLetters(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
