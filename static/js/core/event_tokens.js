/**
 * The tokens that open events: kept in sessionStorage, for the person who is signed in. Another person finds none of
 * them, and signing out forgets those of whoever was there.
 *
 * keepToken(eventId, token, expiresAt)   of POST /api/events/<id>/access
 * tokenHeaders(eventId)                  {"X-Event-Token": …}, or {} without one. One that has ended is sent as well: the
 *                                        API then says why the event is closed
 * hasToken(eventId)                      whether there is one that is still good, by this machine's clock
 * forgetToken(eventId)
 * allTokens()                            headers with the tokens of all events, for GET /api/fotota and
 *                                        GET /api/activity/me/recent; the last ones, if there are very many
 */
import { onSession, session } from "./session.js";

const KEY = "kenali:event-tokens";
const HEADER = "X-Event-Token";
/** So many the API reads. */
const MOST_TOKENS = 20;

/** Without sessionStorage (it can be switched off) they last until the page is left. */
let fallback = null;

onSession(() => {
  if (!session.signedIn) store(null);
});

export function keepToken(eventId, token, expiresAt) {
  const kept = read();
  delete kept[eventId]; // the last one opened is the last one in order
  store({ who: who(), tokens: { ...kept, [eventId]: { token, expiresAt, keptAt: Date.now() } } });
}

export function tokenHeaders(eventId) {
  const kept = read()[eventId];
  return kept ? { [HEADER]: kept.token } : {};
}

export function hasToken(eventId) {
  return Date.parse(read()[eventId]?.expiresAt) > Date.now();
}

export function forgetToken(eventId) {
  const kept = read();
  delete kept[eventId];
  store({ who: who(), tokens: kept });
}

export function allTokens() {
  const tokens = Object.values(read())
    .sort((one, other) => other.keptAt - one.keptAt)
    .slice(0, MOST_TOKENS)
    .map(({ token }) => token);
  return tokens.length ? { [HEADER]: tokens.join(", ") } : {};
}

function who() {
  return session.account?.user_id ?? null;
}

function read() {
  const kept = stored();
  return kept && kept.who === who() && kept.tokens ? kept.tokens : {};
}

function stored() {
  try {
    const text = sessionStorage.getItem(KEY);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

function store(value) {
  fallback = value;
  try {
    if (value === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify(value));
  } catch {
    // see stored()
  }
}
