/**
 * Who is signed in. The access token lives in memory, the refresh token in sessionStorage: a closed window forgets both.
 *
 * session.signedIn          whether somebody is
 * session.account           {user_id, name, email, role, …} as GET /api/auth/me tells it, or null
 * signIn(email, password)   throws the Problem of the API
 * adopt(data)               starts a session from the `data` of another login's answer: {token, refresh_token, user_id},
 *                           with name and email if it tells them
 * signOut({everywhere})     ends it, on the server too; throws, and it goes on, if the server cannot be asked
 * letGo()                   the server has ended it (the account was deleted): forgets it, in every window
 * learn(account)            what GET /api/auth/me said just now; onSession if name, email or role are news
 * session.ending            how the last session of this window ended: "here", "window" (signed out in another one),
 *                           "server" (expired, revoked, taken over), or null while there is one or has been none
 * onSession(fn)             calls fn(session) after each change; answers a function that ends that
 * restore()                 main.js: takes up the session of this window after a reload
 * token()                   the access token for a request, refreshed when it is about to end; null without a session
 * renew(old)                the next access token after the server has refused `old`; null if the session is over
 *
 * A refresh token is good once, and one that comes back later ends the session. So only one refresh runs at a time, and
 * windows that were duplicated (a browser copies sessionStorage) tell each other the new pair.
 */
import { Problem, send } from "./http.js";

const KEY = "kenali:refresh";
const LOCK = "kenali:refresh";
/** An access token that ends sooner is renewed before it is used. */
const SPARE_MS = 30_000;

export const session = { signedIn: false, account: null, ending: null };

const listeners = new Set();
const channel = "BroadcastChannel" in window ? new BroadcastChannel("kenali:session") : null;
let access = null; // {token, endsAt (performance.now)}
let refreshing = null;

export function onSession(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function signIn(email, password) {
  const path = "/api/auth/login-pass-verify";
  const answer = await send({ method: "POST", path, json: { email, password } });
  await adopt(answer.data.data);
}

export async function adopt(data) {
  keep(data);
  await identify(data);
}

export async function signOut({ everywhere = false } = {}) {
  const current = await token();
  if (current) {
    try {
      await send({ method: "POST", path: "/api/auth/logout", json: { everywhere }, token: current });
    } catch (error) {
      // A session that is over already is what was wanted.
      if (!(error instanceof Problem) || error.status !== 401) throw error;
    }
  }
  letGo();
}

export function letGo() {
  if (stored()) channel?.postMessage({ type: "ended", refresh: stored() });
  forget("here");
}

export function learn(account) {
  const before = session.account;
  if (!session.signedIn || before.user_id !== account.user_id) return;
  session.account = account;
  if (["name", "email", "role"].some((part) => account[part] !== before[part])) changed();
}

export async function restore() {
  if (!stored()) return;
  try {
    await renew(null);
  } catch {
    // The server is away: the token is still there for when it is back.
  }
}

export async function token() {
  if (!stored()) return null;
  if (access && access.endsAt - performance.now() > SPARE_MS) return access.token;
  return renew(access?.token ?? null);
}

export async function renew(old) {
  if (access && access.token !== old) return access.token; // somebody else was faster
  refreshing ??= exclusively(() => refresh(old)).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function refresh(old) {
  if (access && access.token !== old) return access.token; // another window was, while we waited for the lock
  const shown = stored();
  if (!shown) return null;
  let answer;
  try {
    answer = await send({ method: "POST", path: "/api/auth/refresh", json: { refresh_token: shown } });
  } catch (error) {
    if (!(error instanceof Problem) || error.status === 0 || error.status >= 500) throw error;
    if (stored() !== shown) return access?.token ?? null;
    forget("server");
    return null;
  }
  const { data } = answer.data;
  keep(data);
  channel?.postMessage({ type: "renewed", from: shown, data });
  if (!session.signedIn) await identify(data);
  return access.token;
}

function exclusively(work) {
  return navigator.locks ? navigator.locks.request(LOCK, work) : work();
}

channel?.addEventListener("message", ({ data: message }) => {
  if (message.type === "renewed" && message.from === stored()) keep(message.data);
  if (message.type === "ended" && message.refresh && message.refresh === stored()) forget("window");
});

function keep(data) {
  store(data.refresh_token);
  access = { token: data.token, endsAt: performance.now() + lifeMs(data.token) };
}

/** By the token's own clock: this machine's may be wrong. */
function lifeMs(jwt) {
  try {
    const part = jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const { exp, iat } = JSON.parse(atob(part));
    return (exp - iat) * 1000;
  } catch {
    return 0;
  }
}

async function identify(data) {
  session.signedIn = true;
  session.ending = null;
  session.account = { user_id: data.user_id, name: data.name ?? "", email: data.email ?? "", role: null };
  try {
    session.account = (await send({ path: "/api/auth/me", token: access.token })).data;
  } catch {
    // what the login said has to do
  }
  changed();
}

function forget(ending) {
  const was = session.signedIn;
  if (was || stored()) session.ending = ending;
  store(null);
  access = null;
  session.signedIn = false;
  session.account = null;
  if (was) changed();
}

function changed() {
  for (const listener of [...listeners]) listener(session);
}

/** Without sessionStorage (it can be switched off) the session lasts until the page is left. */
let fallback = null;

function stored() {
  try {
    return sessionStorage.getItem(KEY) ?? fallback;
  } catch {
    return fallback;
  }
}

function store(value) {
  fallback = value;
  try {
    if (value === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // see stored()
  }
}
