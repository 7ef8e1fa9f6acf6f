/* What a person has kept ("Fotota"), /events?show=kept, grouped by event: GET, POST and DELETE /api/fotota. Photos of an
   event whose token has ended are counted, not shown: it has to be opened again first. */
import { announce, notice } from "../../core/announce.js";
import { del, isAbort, pages } from "../../core/api.js";
import { confirm } from "../../core/dialog.js";
import { byId, el, fill, icon, showState } from "../../core/dom.js";
import { showProblem } from "../../core/errors.js";
import { allTokens } from "../../core/event_tokens.js";
import { t, tn } from "../../core/messages.js";
import { session } from "../../core/session.js";
import { keepPhotos, opened } from "./access.js";
import { day } from "./day.js";
import { makeDownloads, saveOne } from "./download.js";
import { setHead, viewLink } from "./frame.js";
import { makeGallery, pictureOf } from "./gallery.js";
import { openLightbox } from "./lightbox.js";
import { makeSelection } from "./selection.js";
import { sharing } from "./sharing.js";

/** Ids in one address: it must not grow too long for a proxy. */
const IDS = 200;

let root;
let requests = new AbortController();
let groups = new Map(); // event id -> {event, gallery, section}
let chosen = null; // the group that is chosen from
let selection;
let downloads;

export function setUp(element) {
  root = element;
  downloads = makeDownloads(byId("events-kept-zip"), { call: opened });
  selection = makeSelection(byId("events-kept-choice"), {
    galleries: () => (chosen ? [chosen.gallery] : []),
    actions: [
      { label: t("Remove"), icon: () => icon("bookmark-x"), kind: "outline-secondary", work: removeMany },
      { label: t("Download"), icon: () => icon("download"), kind: "primary", work: (items) => downloads.ask({ eventId: chosen.event.id, items }) },
    ],
  });
}

export async function show(query, why) {
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  setHead({ title: t("My kept photos"), intro: t("Photos of events that you marked. Only you see which they are.") });
  byId("events-kept-sign-in").href = `/account?to=${encodeURIComponent("/events?show=kept")}`;
  if (!session.signedIn) {
    clear();
    showState(root, "stranger");
    return;
  }
  if (why === "session") clear();
  if (!groups.size) showState(root, "loading");
  try {
    const found = await ask(signal);
    if (signal.aborted) return;
    draw(found);
  } catch (error) {
    if (isAbort(error)) return;
    showState(root, "error");
    showProblem(byId("events-kept-problem"), error, { retry: () => show(query, why) });
  }
}

export function hide() {
  requests.abort();
  selection.stop();
  downloads.stop();
}

async function ask(signal) {
  const found = [];
  for await (const group of pages("/api/fotota", { perPage: 50, signal, headers: allTokens() })) found.push(group);
  return found;
}

function clear() {
  selection?.stop();
  groups = new Map();
  fill(byId("events-kept-groups"));
  fill(byId("events-kept-zip"));
}

function draw(found) {
  clear();
  for (const group of found) groups.set(group.event.id, made(group));
  fill(byId("events-kept-groups"), [...groups.values()].map(({ section }) => section));
  showState(root, groups.size ? "filled" : "empty");
}

function made({ event, total, images }) {
  const titleId = `events-kept-event-${event.id}`;
  const list = el("ul", { "aria-label": t("Kept photos of {name}", { name: event.name }) });
  const group = { event, gallery: null, section: null, count: null };
  group.gallery = makeGallery(list, { onOpen: (item) => look(group, item), onRenew: () => renew(), onSelection: () => selection.update() });
  const choose = el("button", { class: "btn btn-sm btn-outline-secondary", type: "button", onclick: () => choosing(group) }, icon("check2-square"), t("Choose"));
  const facts = [day(event.date), tn("{count} photo", "{count} photos", total)].filter(Boolean).join(" · ");
  group.count = el("p", { class: "events-facts" }, facts);
  group.section = el(
    "section",
    { class: "events-kept-group", "aria-labelledby": titleId },
    el(
      "div",
      { class: "events-found-head" },
      el("div", {}, el("h3", { class: "events-found-title", id: titleId }, viewLink(event.name, { event: event.id })), group.count),
      images.length > 0 && choose,
    ),
    images.length
      ? list
      : el(
          "div",
          { class: "hint" },
          icon("lock"),
          el(
            "div",
            {},
            el("p", { class: "mb-2" }, tn("To see this photo, open the event again with its password.", "To see these {count} photos, open the event again with its password.", total)),
            viewLink([icon("unlock"), t("Open the event")], { event: event.id }, { class: "btn btn-sm btn-primary" }),
          ),
        ),
  );
  group.gallery.set(images.map(({ image }) => pictureOf(image, { kept: true })));
  return group;
}

function choosing(group) {
  selection.stop();
  chosen = group;
  selection.start();
}

async function renew() {
  for (const { event, images } of await ask(requests.signal)) {
    groups.get(event.id)?.gallery.renew(images.map(({ image }) => pictureOf(image)));
  }
}

async function look(group, item) {
  const { gallery } = group;
  const keep = async (one) => {
    if (one.kept) await forget([one.id]);
    else await keepPhotos(one.eventId, [one.id]);
    one.kept = !one.kept;
    announce(one.kept ? t("kept") : t("not kept any more"));
  };
  const last = await openLightbox({
    items: () => gallery.items,
    at: gallery.items.indexOf(item),
    renew,
    keep,
    download: (one) => opened(one.eventId, () => saveOne(one)),
    tools: sharing(),
  });
  leaveOut(group, gallery.items.filter(({ kept }) => !kept).map(({ id }) => id));
  if (last) gallery.focus(last.id);
}

async function forget(ids) {
  for (let from = 0; from < ids.length; from += IDS) {
    await del("/api/fotota", { query: { ids: ids.slice(from, from + IDS).join(",") } });
  }
}

async function removeMany(items) {
  const ids = items.map(({ id }) => id);
  const done = await confirm({
    title: tn("Remove this photo from your kept ones?", "Remove these {count} photos from your kept ones?", ids.length),
    text: t("The photos stay in the event: you only no longer find them here."),
    ok: t("Remove"),
    danger: true,
    work: () => forget(ids),
  });
  if (!done) return false;
  leaveOut(chosen, ids);
  notice(tn("{count} photo is no longer kept.", "{count} photos are no longer kept.", ids.length));
  return true;
}

function leaveOut(group, ids) {
  if (!ids.length) return;
  group.gallery.remove(ids);
  const left = group.gallery.items.length;
  group.count.textContent = [day(group.event.date), tn("{count} photo", "{count} photos", left)].filter(Boolean).join(" · ");
  if (left) return;
  group.section.remove();
  groups.delete(group.event.id);
  if (!groups.size) showState(root, "empty");
}
