/* The home of the events tab: a search by name (?q=), events that the visitor opened or made, and ways on. */
import { announce } from "../../core/announce.js";
import { get, isAbort } from "../../core/api.js";
import { onSubmit } from "../../core/busy.js";
import { config } from "../../core/config.js";
import { byId, fill, showState } from "../../core/dom.js";
import { clearProblem, markField, showProblem } from "../../core/errors.js";
import { allTokens } from "../../core/event_tokens.js";
import { t, tn } from "../../core/messages.js";
import { makePager } from "../../core/pager.js";
import { seesEverybody } from "../../core/people.js";
import { replaceQuery } from "../../core/router.js";
import { session } from "../../core/session.js";
import { eventCard } from "./cards.js";

const PER_PAGE = 12;
/** Photos are being looked at: the numbers change. */
const AGAIN_MS = 5000;

let requests = new AbortController();
let again = null;
let text = ""; // what is searched for
let results;
let mine;
let recent;

export function setUp() {
  results = list("results", (page) => find(page));
  mine = list("mine", (page) => loadMine(page));
  recent = list("recent", (page) => loadRecent(page));
  const field = byId("events-home-q");
  onSubmit(byId("events-home-search"), () => {
    const wanted = field.value.trim();
    markField(field, wanted ? "" : t("Write part of the event's name."));
    if (!wanted) return field.focus();
    return search(wanted);
  });
  field.addEventListener("input", () => {
    markField(field, "");
    if (!field.value && text) clear(); // the cross inside the field
  });
  byId("events-home-clear").addEventListener("click", () => {
    clear();
    field.focus();
  });
}

function list(name, onPage) {
  return {
    root: byId(`events-home-${name}`),
    list: byId(`events-home-${name}-list`),
    problem: byId(`events-home-${name}-problem`),
    pager: makePager(byId(`events-home-${name}-pager`), { perPage: PER_PAGE, onPage }),
  };
}

export function show(query) {
  hide();
  requests = new AbortController();
  byId("events-home-kept").hidden = !session.signedIn;
  byId("events-home-drive").hidden = !config.driveSearch;
  byId("events-home-sign-in").hidden = session.signedIn;
  byId("events-home-mine-title").textContent = session.signedIn ? t("My events") : t("All events");
  const before = text;
  text = (query.get("q") ?? "").trim();
  if (text || before) byId("events-home-q").value = text; // else what is typed and not searched for yet stays
  turn();
  return text ? find(Number(query.get("page")) || 1) : loadLists();
}

export function hide() {
  requests.abort();
  clearTimeout(again);
}

function turn() {
  byId("events-home-results").hidden = !text;
  byId("events-home-lists").hidden = Boolean(text);
}

async function search(wanted) {
  text = wanted;
  turn();
  fill(results.list);
  showState(results.root, "loading");
  await find(1);
  byId("events-home-results-title").focus({ preventScroll: true });
}

function clear() {
  text = "";
  byId("events-home-q").value = "";
  replaceQuery({ q: null, page: null });
  turn();
  loadLists();
}

function loadLists() {
  clearTimeout(again);
  return Promise.all([loadMine(mine.pager.page), session.signedIn ? loadRecent(recent.pager.page) : forgetRecent()]);
}

async function find(page) {
  const wanted = text;
  replaceQuery({ q: text, page: page > 1 ? page : null });
  byId("events-home-results-title").textContent = t("Events with “{text}”", { text });
  await load(results, {
    address: "/api/events/search",
    query: { q: text, page, per_page: PER_PAGE },
    card: (event) => eventCard(event, { manage: event.can_edit && event.owner?.id === session.account?.user_id }),
    retry: () => find(page),
    isCurrent: () => text === wanted,
    done: (total) => announce(tn("{count} event found", "{count} events found", total)),
  });
}

/** Visitors who make no events need no list of theirs, unless they have some from when they did. */
async function loadMine(page) {
  if (seesEverybody()) mine.root.hidden = false;
  const waiting = await load(mine, {
    address: "/api/events/my-events",
    query: { page, per_page: PER_PAGE },
    card: (event) => eventCard(event, { manage: true }),
    retry: () => loadMine(page),
    done: (total) => {
      mine.root.hidden = !seesEverybody() && !total;
      byId("events-home-new").hidden = !seesEverybody() || !total; // the empty list has a button of its own
    },
  });
  clearTimeout(again);
  if (waiting) again = setTimeout(() => text || loadMine(page), AGAIN_MS);
}

async function loadRecent(page) {
  await load(recent, {
    address: "/api/activity/me/recent",
    headers: allTokens(),
    query: { page, per_page: PER_PAGE },
    card: ({ event, new_images: isNew }) => eventCard(event, { isNew: isNew ?? 0 }),
    retry: () => loadRecent(page),
    done: (total) => {
      recent.root.hidden = !total;
    },
    failed: () => {
      recent.root.hidden = false;
    },
  });
}

function forgetRecent() {
  recent.root.hidden = true;
  fill(recent.list);
}

/** One page of a list of events; answers whether photos of them are still waiting. */
async function load(room, { address, query, headers, card, retry, isCurrent = () => true, done = () => {}, failed = () => {} }) {
  const { signal } = requests;
  try {
    const { data, total } = await get(address, { query, headers, signal });
    if (signal.aborted || !isCurrent()) return false;
    if (!data.length && total && query.page > 1) { // the last one of a page was deleted
      const page = Math.ceil(total / query.per_page);
      return load(room, { address, query: { ...query, page }, headers, card, retry, isCurrent, done, failed });
    }
    clearProblem(room.problem);
    fill(room.list, data.map(card));
    room.pager.update({ page: query.page, total });
    if ("states" in room.root.dataset) showState(room.root, total ? "filled" : "empty");
    done(total);
    return data.some(({ total: all, indexed, failed: bad, can_edit: ours }) => ours && indexed + bad < all);
  } catch (error) {
    if (isAbort(error)) return false;
    if ("states" in room.root.dataset && !room.list.children.length) showState(room.root, "error");
    showProblem(room.problem, error, { retry });
    failed();
    return false;
  }
}
