/**
 * The tab "events": one address, several views (docs/interface.md). Which one is in the query:
 *
 *      /events                       home
 *      /events?event=3               an event as its guests see it
 *      /events?event=3&show=manage   the same for whoever may change it
 *      /events?show=new              a new event
 *      /events?show=kept             photos that the visitor keeps
 *      /events?show=drive            searching a folder of Google Drive
 *
 * Each view is a module in events/ that exports setUp(root) once, show(query, why) each time it is shown or must load
 * anew, and hide(). `why` is the router's, and "navigation" also where another view was shown before.
 */
import { setHead } from "./events/frame.js";
import { byId } from "../core/dom.js";

const VIEWS = ["home", "guest", "organiser", "kept", "drive"];
const modules = new Map(); // view -> module that has been set up
let current = null;
let turn = 0;

export function setUp() {}

export async function show({ query, why }) {
  turn += 1;
  const mine = turn;
  const view = viewOf(query);
  if (view !== current) leave();
  current = view;
  for (const other of VIEWS) rootOf(other).hidden = other !== view;
  byId("events-body").dataset.view = view;
  if (view === "home") setHead();
  const module = modules.get(view) ?? (await load(view));
  if (mine === turn) await module.show(query, why);
}

export function hide() {
  leave();
  turn += 1;
}

function leave() {
  modules.get(current)?.hide();
  current = null;
}

function viewOf(query) {
  const wanted = query.get("show");
  if (wanted === "new" || (wanted === "manage" && query.get("event"))) return "organiser";
  if (query.get("event")) return "guest";
  return wanted === "kept" || wanted === "drive" ? wanted : "home";
}

async function load(view) {
  const module = await import(`./events/${view}.js`);
  if (!modules.has(view)) {
    modules.set(view, module);
    module.setUp(rootOf(view));
  }
  return module;
}

function rootOf(view) {
  return byId(`events-${view}`);
}
