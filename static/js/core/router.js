/**
 * Which tab is in front. Every tab has its address; clicking a link with data-tab-link="photos" (its href may carry a
 * query, "/photos?user=3") shows that panel without loading a page, so tabs also change while the server is away.
 *
 * A tab's module (static/js/tabs/<key>.js) exports
 *      setUp(panel)            once, before the tab is shown for the first time: find elements, add listeners
 *      show({query, why})      each time the tab is shown or must load anew; query: URLSearchParams of the address;
 *                              why: "navigation", "back" (the server is back), "session" (somebody signed in or out)
 *      hide()                  optional: another tab is shown (stop the camera, give up requests)
 *
 * A link to the tab "account" with ?to=/photos%3Fuser%3D3 leads back there after the sign-in; tabs that are closed to
 * strangers do that by themselves.
 *
 * go("photos", {user: 3})      shows a tab, as if its link had been clicked
 * replaceQuery({page: 2})      writes what is shown into the address, without an entry in the history
 * currentTab()                 its key
 */
import { byId, copy, el } from "./dom.js";
import { config } from "./config.js";
import { t } from "./messages.js";
import { session, onSession } from "./session.js";
import { isOffline, onBack, whenBack } from "./connection.js";
import { clearProblem, showProblem, showText } from "./errors.js";
import { offerGoogle } from "./google.js";

const BRAND = "Kenali";
const modules = new Map(); // key -> module that has been set up
let current = null;
let turn = 0;
let address = "";

export function currentTab() {
  return current;
}

export function go(key, query = {}) {
  const url = new URL(config.tabs[key].path, location.origin);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  visit(url);
}

export function replaceQuery(query) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", url);
  address = location.pathname + location.search;
}

export function startRouter() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[data-tab-link]") : null;
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return; // another tab or window is wanted
    event.preventDefault();
    visit(new URL(link.href));
  });
  window.addEventListener("popstate", () => {
    if (location.pathname + location.search === address) return; // only the fragment: the skip link
    address = location.pathname + location.search;
    display(keyOf(location), { why: "navigation", focus: true });
  });
  onSession(() => display(current, { why: "session" }));
  onBack(() => display(current, { why: "back" }));
  // ?lang= has done its work; in the address it would outlive the next choice.
  replaceQuery({ lang: null });
  return display(keyOf(location), { why: "navigation", focus: false });
}

function visit(url) {
  // Who is sent to sign in by a closed tab comes back to it.
  if (keyOf(url) === "account" && byId(`panel-${current}`).classList.contains("is-gated")) {
    url.searchParams.set("to", config.tabs[current].path + location.search);
  }
  if (url.href !== location.href) history.pushState(null, "", url);
  address = location.pathname + location.search;
  display(keyOf(url), { why: "navigation", focus: true });
}

function keyOf({ pathname }) {
  const path = pathname.replace(/(.)\/$/, "$1");
  const found = Object.entries(config.tabs).find(([, tab]) => tab.path === path);
  return found ? found[0] : Object.keys(config.tabs)[0];
}

async function display(key, { why, focus = false }) {
  turn += 1;
  const mine = turn;
  if (current && current !== key) {
    modules.get(current)?.hide?.();
    // The browser's back button leaves the tab that a dialog belongs to.
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  }
  current = key;
  const panel = byId(`panel-${key}`);
  for (const other of document.querySelectorAll("[data-panel]")) other.hidden = other !== panel;
  document.title = `${config.tabs[key].title} · ${BRAND}`;
  markLinks(key);
  if (focus) {
    window.scrollTo(0, 0);
    byId(`heading-${key}`).focus({ preventScroll: true });
  }
  if (gate(panel, config.tabs[key].needsSession && config.access === "token" && !session.signedIn)) {
    modules.get(key)?.hide?.();
    return;
  }
  const room = problemRoom(panel);
  try {
    const module = modules.get(key) ?? (await load(key, panel));
    if (mine !== turn) return;
    clearProblem(room);
    await module.show?.({ query: new URLSearchParams(location.search), why });
  } catch (error) {
    if (mine === turn) showProblem(room, error, { retry: () => display(key, { why }) });
  }
}

async function load(key, panel) {
  let module;
  try {
    module = await import(`../tabs/${key}.js`);
  } catch (error) {
    // The file is gone: the server is away, or has been updated since this page was loaded.
    if (!(await reachable())) await whenBack();
    else {
      showText(problemRoom(panel), t("This page is older than the server: load it again."), { retry: () => location.reload() });
      console.warn(error);
    }
    return {};
  }
  if (!modules.has(key)) {
    modules.set(key, module);
    module.setUp(panel);
  }
  return module;
}

async function reachable() {
  if (isOffline()) return false;
  try {
    await fetch("/api/health/ready", { cache: "no-store" });
    return true;
  } catch {
    return false;
  }
}

function gate(panel, closed) {
  const body = panel.querySelector(".panel-body");
  let shown = panel.querySelector(".gate");
  if (closed && !shown) {
    shown = copy("template-gate");
    panel.append(shown);
    offerGoogle(shown, { back: () => location.pathname + location.search });
  }
  if (!closed) shown?.remove();
  if (body) body.hidden = closed;
  panel.classList.toggle("is-gated", closed);
  return closed;
}

function problemRoom(panel) {
  let room = panel.querySelector(":scope > .problem-room");
  if (!room) {
    room = el("div", { class: "problem-room" });
    panel.querySelector(".panel-head").after(room);
  }
  return room;
}

function markLinks(key) {
  for (const link of byId("tabs").querySelectorAll("[data-tab-link]")) {
    if (link.dataset.tabLink === key) {
      link.setAttribute("aria-current", "page");
      reveal(link);
    } else link.removeAttribute("aria-current");
  }
}

/** On a phone the tabs are a bar that scrolls sideways. */
function reveal(link) {
  const bar = byId("tabs");
  if (bar.scrollWidth <= bar.clientWidth) return;
  const middle = link.getBoundingClientRect().left - bar.getBoundingClientRect().left + bar.scrollLeft;
  bar.scrollTo({ left: middle - (bar.clientWidth - link.clientWidth) / 2 });
}
