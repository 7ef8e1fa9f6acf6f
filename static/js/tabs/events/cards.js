/**
 * An event as a card: preview, name, day, whose it is, and how far its photos are. The whole card is one link.
 *
 * eventCard(event, {manage, isNew, level}) -> <li>   of an event as the API tells it. manage: leads to the organiser's
 *                                                    view. isNew: number of photos that are new for the visitor
 * progressTag(event)                                 "118 of 120 looked at", or null where that says nothing
 */
import { el, icon } from "../../core/dom.js";
import { hasToken } from "../../core/event_tokens.js";
import { number } from "../../core/format.js";
import { t, tn } from "../../core/messages.js";
import { day } from "./day.js";
import { viewLink } from "./frame.js";

export function eventCard(event, { manage = false, isNew = 0 } = {}) {
  const title = viewLink(event.name, { event: event.id, ...(manage ? { show: "manage" } : {}) }, { class: "events-card-link" });
  return el(
    "li",
    { class: "events-card", dataset: { event: event.id } },
    preview(event),
    el(
      "div",
      { class: "events-card-words" },
      el("h4", { class: "events-card-name" }, title),
      el("p", { class: "events-card-facts" }, facts(event, manage)),
      event.description && el("p", { class: "events-card-text" }, event.description),
      el("p", { class: "events-card-tags" }, tags(event, isNew)),
    ),
  );
}

export function progressTag({ total, indexed, failed }) {
  if (!total) return null;
  const waiting = total - indexed - failed;
  if (waiting > 0) {
    return el("span", { class: "tag tag-warn" }, icon("hourglass-split"), t("{done} of {total} looked at", { done: number(indexed + failed), total: number(total) }));
  }
  if (failed) return el("span", { class: "tag tag-bad" }, tn("{count} photo failed", "{count} photos failed", failed));
  return null;
}

function facts(event, manage) {
  return [day(event.date), !manage && event.owner?.name].filter(Boolean).join(" · ") || t("Without a date");
}

function tags(event, isNew) {
  return [
    access(event),
    isNew > 0 && el("span", { class: "tag tag-good" }, tn("{count} new", "{count} new", isNew)),
    event.can_edit && progressTag(event),
  ].filter(Boolean);
}

/** Searching, the API takes the token of one event only; whoever has others has opened them all the same. */
function access({ id, access: open, total }) {
  if (open) return el("span", { class: "tag" }, icon("images"), tn("{count} photo", "{count} photos", total));
  if (hasToken(id)) return el("span", { class: "tag" }, icon("unlock"), t("Opened"));
  return el("span", { class: "tag" }, icon("lock"), t("Needs its password"));
}

/** Up to four photos; what cannot be shown leaves its place empty. */
function preview(event) {
  const urls = event.images_preview.slice(0, 4);
  if (!urls.length) {
    return el("div", { class: "events-card-preview is-empty", "aria-hidden": "true" }, event.access ? icon("images") : icon("lock"));
  }
  return el("div", { class: "events-card-preview", dataset: { count: urls.length }, "aria-hidden": "true" }, urls.map(photo));
}

function photo(src) {
  const img = el("img", { alt: "", loading: "lazy", decoding: "async" });
  img.addEventListener("error", () => img.classList.add("is-missing"), { once: true });
  img.src = src;
  return img;
}
