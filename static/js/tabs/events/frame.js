/**
 * What all views of the tab share: the heading above them, and addresses.
 *
 * setHead({title, intro, actions, back})   the tab's heading for the view that is shown. intro: text or elements; actions:
 *                                          elements beside it; back: {text, query} of the link above it, by default to
 *                                          the tab's home. Without an argument: as on the home.
 * viewLink(text, query, attributes)        <a> to another view: viewLink(event.name, {event: 3}, {class: "btn"}); text may
 *                                          be a list of nodes
 * openView(query)                          goes there, as if such a link had been clicked
 */
import { byId, el, fill, icon } from "../../core/dom.js";
import { config } from "../../core/config.js";
import { t } from "../../core/messages.js";
import { go } from "../../core/router.js";

const BRAND = "Kenali";
let home = null;

export function setHead({ title, intro = "", actions = [], back = { text: t("All events"), query: {} } } = {}) {
  const head = byId("panel-events").querySelector(".panel-head");
  const heading = byId("heading-events");
  const words = head.querySelector(".intro");
  home ??= { title: heading.textContent, intro: words.textContent };
  heading.textContent = title ?? home.title;
  fill(words, ...[title === undefined ? home.intro : intro].flat());
  words.hidden = title !== undefined && !words.textContent;
  fill(byId("events-actions"), ...actions);
  fill(byId("events-back"), title !== undefined && back && viewLink([icon("chevron-left"), el("span", {}, back.text)], back.query));
  document.title = `${heading.textContent} · ${BRAND}`;
}

export function viewLink(text, query = {}, attributes = {}) {
  const asked = new URLSearchParams(query).toString();
  const href = config.tabs.events.path + (asked && `?${asked}`);
  return el("a", { ...attributes, href, dataset: { ...attributes.dataset, tabLink: "events" } }, ...[text].flat());
}

export function openView(query = {}) {
  go("events", query);
}
