/**
 * A grid of photos: squares that know their place before the pictures come, with the face of interest in view.
 *
 * pictureOf(image, {face, kind, isNew, kept}) -> item     of a photo as the API tells it (EventImage)
 *      item: {id, eventId, name, thumb, web, width, height, face: {x, y, w, h} or null (pixels of the upright original),
 *      kind: "sure" | "maybe", isNew, kept, …}; make them yourself for pictures from elsewhere
 *
 * makeGallery(list, {onOpen, onRenew, onSelection, flag, large}) -> gallery
 *      list: a <ul>. onOpen(item): it was tapped. onRenew(): the addresses have ended: an async function that gets new
 *      ones and hands them to gallery.renew(items). onSelection(): what is selected has changed. flag(item): a short
 *      text on the picture ("not looked at yet"), or null. large: fewer and larger ones.
 *   .items                     in order
 *   .set(items), .add(items)   add leaves out what is there already
 *   .renew(items)              takes their addresses, and what else they say; items that it does not show are passed over
 *   .redraw(id)                after item.kept, say, was changed
 *   .remove(ids)               takes photos away
 *   .focus(id)                 on this photo, if it is there
 *   .select(on)                starts and ends choosing: a tap then chooses instead of opening; .selecting tells
 *   .selected                  Set of ids; .selectAll(), .selectNone()
 */
import { el, fill, icon, on, svg } from "../../core/dom.js";
import { t } from "../../core/messages.js";

/** A picture that fails with new addresses too is not asked for again and again. */
const RENEW_PAUSE_MS = 15_000;

export function pictureOf(image, { face = null, kind = "sure", isNew = false, kept = false } = {}) {
  return {
    id: image.id,
    eventId: image.id_event,
    name: image.file_name,
    thumb: image.thumbnail_url,
    web: image.url,
    width: image.width,
    height: image.height,
    bytes: image.size_bytes,
    state: image.state,
    face,
    kind,
    isNew,
    kept,
  };
}

export function makeGallery(list, { onOpen, onRenew = null, onSelection = () => {}, flag = () => null, large = false }) {
  const cells = new Map(); // id -> <li>
  let items = [];
  let renewing = null;
  let renewedAt = -Infinity;
  let anchor = null; // where a range begins
  const gallery = {
    selecting: false,
    selected: new Set(),
    get items() {
      return items;
    },
    set,
    add,
    renew,
    redraw,
    remove,
    focus,
    select,
    selectAll,
    selectNone,
  };
  list.classList.add("events-grid");
  list.classList.toggle("is-large", large);
  on(list, "click", ".events-cell-open", (event, button) => {
    const item = itemOf(button);
    if (!item) return;
    if (gallery.selecting) choose(item, event.shiftKey);
    else onOpen(item);
  });
  // Neither event bubbles.
  list.addEventListener("load", ({ target }) => target.classList.add("is-loaded"), true);
  list.addEventListener("error", ({ target }) => broken(target), true);

  function itemOf(element) {
    const id = element.closest("[data-picture]")?.dataset.picture;
    return items.find((item) => String(item.id) === id);
  }

  function set(next) {
    items = [];
    cells.clear();
    gallery.selected.clear();
    fill(list);
    add(next);
    onSelection();
  }

  function add(more) {
    const fresh = more.filter(({ id }) => !cells.has(id));
    items = [...items, ...fresh];
    for (const item of fresh) {
      const cell = el("li", { class: "events-cell", dataset: { picture: item.id } });
      cells.set(item.id, cell);
      draw(item, cell);
      list.append(cell);
    }
  }

  function renew(next) {
    for (const fresh of next) {
      const item = items.find(({ id }) => id === fresh.id);
      if (!item) continue;
      const state = item.state;
      const { thumb, web } = fresh;
      Object.assign(item, { thumb, web, state: fresh.state ?? state });
      const img = cells.get(item.id).querySelector("img");
      if (img.classList.contains("is-missing")) {
        img.classList.remove("is-missing");
        img.src = thumb;
      }
      if (item.state !== state) redraw(item.id);
    }
  }

  function redraw(id) {
    const item = items.find((one) => one.id === id);
    if (item) mark(item, cells.get(id));
  }

  function remove(ids) {
    const gone = new Set(ids);
    items = items.filter(({ id }) => !gone.has(id));
    for (const id of gone) {
      cells.get(id)?.remove();
      cells.delete(id);
      gallery.selected.delete(id);
    }
    onSelection();
  }

  function focus(id) {
    cells.get(id)?.querySelector("button").focus();
  }

  // --- one photo

  function draw(item, cell) {
    const { left, top, side } = cut(item);
    const img = el("img", { class: "events-cell-img", alt: "", loading: "lazy", decoding: "async", draggable: "false" });
    img.style.objectPosition = `${share(left, item.width - side)}% ${share(top, item.height - side)}%`;
    img.src = item.thumb;
    const button = el("button", { class: "events-cell-open", type: "button" }, img);
    if (item.face) {
      const { x, y, w, h } = item.face;
      button.append(
        svg(
          "svg",
          { class: "events-cell-faces", viewBox: `${left} ${top} ${side} ${side}`, "aria-hidden": "true", focusable: "false" },
          svg(
            "g",
            { class: `face ${item.kind === "maybe" ? "face-warn" : ""}` },
            svg("rect", { x, y, width: w, height: h, rx: side / 60, class: "face-box" }),
          ),
        ),
      );
    }
    fill(cell, button, el("span", { class: "events-cell-marks", "aria-hidden": "true" }));
    mark(item, cell);
  }

  function mark(item, cell) {
    const button = cell.querySelector("button");
    const chosen = gallery.selected.has(item.id);
    const words = flag(item);
    cell.classList.toggle("is-selecting", gallery.selecting);
    cell.classList.toggle("is-selected", chosen);
    fill(
      cell.querySelector(".events-cell-marks"),
      gallery.selecting && el("span", { class: "events-cell-check" }, chosen ? icon("check-circle-fill") : icon("circle")),
      item.isNew && el("span", { class: "events-cell-new" }, t("New")),
      item.kept && el("span", { class: "events-cell-kept" }, icon("bookmark-heart-fill")),
      words && el("span", { class: "events-cell-flag" }, words),
    );
    const said = [
      item.name,
      item.face && (item.kind === "maybe" ? t("maybe you") : t("your face is marked")),
      item.isNew && t("new"),
      item.kept && t("kept"),
      words,
    ].filter(Boolean);
    button.setAttribute("aria-label", gallery.selecting ? t("Choose {name}", { name: said.join(", ") }) : t("{name}: show larger", { name: said.join(", ") }));
    if (gallery.selecting) button.setAttribute("aria-pressed", String(chosen));
    else button.removeAttribute("aria-pressed");
  }

  // --- addresses end

  async function broken(img) {
    img.classList.add("is-missing");
    const item = itemOf(img);
    if (!item || !onRenew || !(await hasEnded(item.thumb))) return;
    if (performance.now() - renewedAt < RENEW_PAUSE_MS && !renewing) return;
    renewing ??= onRenew().finally(() => {
      renewing = null;
      renewedAt = performance.now();
    });
    await renewing.catch(() => {}); // told by who gets them
  }

  // --- choosing

  function select(wanted) {
    gallery.selecting = wanted;
    anchor = null;
    if (!wanted) gallery.selected.clear();
    for (const item of items) mark(item, cells.get(item.id));
    onSelection();
  }

  function choose(item, range) {
    const at = items.indexOf(item);
    const from = items.findIndex(({ id }) => id === anchor);
    const chosen = !gallery.selected.has(item.id);
    const many = range && from >= 0 ? items.slice(Math.min(at, from), Math.max(at, from) + 1) : [item];
    for (const one of many) put(one, chosen);
    anchor = item.id;
    onSelection();
  }

  function put(item, chosen) {
    if (chosen) gallery.selected.add(item.id);
    else gallery.selected.delete(item.id);
    mark(item, cells.get(item.id));
  }

  function selectAll() {
    for (const item of items) put(item, true);
    onSelection();
  }

  function selectNone() {
    for (const item of items) put(item, false);
    onSelection();
  }

  return gallery;
}

/** Whether an address of a picture is good no more; an <img> does not tell why it failed. */
export async function hasEnded(address) {
  try {
    return (await fetch(address, { method: "HEAD", cache: "no-store", credentials: "same-origin" })).status === 403;
  } catch {
    return false;
  }
}

/** The square that is shown: around the face, or a little above the middle, where faces are. */
function cut({ width, height, face }) {
  const side = Math.min(width, height);
  const x = face ? face.x + face.w / 2 : width / 2;
  const y = face ? face.y + face.h / 2 : height * 0.45;
  return { left: within(x - side / 2, width - side), top: within(y - side / 2, height - side), side };
}

function within(value, most) {
  return Math.min(Math.max(value, 0), most);
}

function share(offset, room) {
  return room > 0 ? (100 * offset) / room : 50;
}
