/**
 * One photo, as large as the screen, and the way to the next: by swiping, arrow keys or buttons. Escape, a pull
 * downwards or the browser's back button closes it; the focus stays inside. A double tap, two fingers or the wheel
 * enlarge a part.
 *
 * openLightbox({items, at, total, more, renew, keep, download, tools}) -> promise of the item that was shown last
 *      items: function that answers the items (see gallery.js) as they are now; at: the first one; total: function, how
 *      many there are, if not all are loaded yet; more: async, loads further items.
 *      renew(item): async, gets new addresses once those have ended (the item is changed in place).
 *      keep(item): async, keeps or lets go; item.kept afterwards tells. download(item): async. Either may be missing.
 *      tools: [{label, icon: () => Element, danger, work: async (item) => "gone" or nothing}]: further buttons
 */
import { busy } from "../../core/busy.js";
import { el, fill, icon, svg } from "../../core/dom.js";
import { clearProblem, showProblem } from "../../core/errors.js";
import { isAbort } from "../../core/api.js";
import { number } from "../../core/format.js";
import { t } from "../../core/messages.js";
import { hasEnded } from "./gallery.js";

const SWIPE_PX = 55;
const PULL_PX = 110;
const TAP_PX = 12;
const DOUBLE_TAP_MS = 320;
const LARGEST = 6;
const DOUBLE_TAP_SCALE = 2.5;
/** So many before the end the next ones are asked for. */
const AHEAD = 4;

let faces = true; // for as long as the page is open

export function openLightbox({ items, at: first, total = () => items().length, more = null, renew = null, keep = null, download = null, tools = [] }) {
  let at = first;
  let ended = false; // more() has brought nothing
  const counter = el("p", { class: "events-light-count" });
  const spoken = el("p", { class: "visually-hidden", role: "status" });
  const name = el("p", { class: "events-light-name" });
  const frame = el("div", { class: "events-light-frame" });
  const room = el("div", { class: "problem-room events-light-problem" });
  const previous = arrow("previous", icon("chevron-left"), t("Previous photo"), () => step(-1));
  const next = arrow("next", icon("chevron-right"), t("Next photo"), () => step(1));
  const stage = el("div", { class: "events-light-stage" }, frame, previous, next);
  const marking = tool(icon("person-bounding-box"), t("Mark the face"), () => {
    faces = !faces;
    drawFaces();
  });
  const keeping = keep && tool(icon("bookmark-heart"), t("Keep"), () => work(keeping, keep).then(drawTools));
  const saving = download && tool(icon("download"), t("Download"), () => work(saving, download));
  const others = tools.map((one) => {
    const button = tool(one.icon(), one.label, async () => {
      if ((await work(button, one.work)) === "gone") leaveOut();
    });
    button.classList.toggle("is-danger", Boolean(one.danger));
    return button;
  });
  const closing = el("button", { class: "events-light-tool events-light-close", type: "button", "aria-label": t("Close"), onclick: () => dialog.close() }, icon("x-lg"));
  const dialog = el(
    "dialog",
    { class: "events-light", "aria-label": t("Photo") },
    el("div", { class: "events-light-top" }, counter, name, closing),
    stage,
    room,
    el("div", { class: "events-light-tools" }, marking, keeping, saving, others),
    spoken,
  );

  function arrow(kind, symbol, label, move) {
    return el("button", { class: `events-light-arrow is-${kind}`, type: "button", "aria-label": label, onclick: move }, symbol);
  }

  function tool(symbol, label, run) {
    return el("button", { class: "events-light-tool", type: "button", onclick: run }, symbol, el("span", { class: "events-light-label" }, label));
  }

  async function work(button, run) {
    const item = items()[at];
    clearProblem(room);
    return busy(button, async () => {
      try {
        return await run(item);
      } catch (error) {
        if (!isAbort(error)) showProblem(room, error);
        return undefined;
      }
    });
  }

  // --- what is shown

  function draw() {
    const item = items()[at];
    const count = Math.max(total(), items().length);
    const words = t("{number} of {count}", { number: at + 1, count });
    clearProblem(room);
    counter.textContent = t("{number} of {count}", { number: number(at + 1), count: number(count) });
    name.textContent = item.name;
    spoken.textContent = `${words}, ${item.name}`;
    previous.disabled = at === 0;
    next.disabled = at + 1 >= count;
    fill(frame, ...pictures(item));
    zoom.reset();
    drawFaces();
    drawTools();
    for (const near of [items()[at + 1], items()[at - 1]]) if (near) new Image().src = near.web;
    if (more && !ended && at + AHEAD >= items().length && items().length < count) lookAhead();
  }

  async function lookAhead() {
    const before = items().length;
    try {
      await more();
    } catch (error) {
      if (!isAbort(error)) showProblem(room, error, { retry: lookAhead });
      return;
    }
    ended = items().length === before;
    next.disabled = at + 1 >= (ended ? items().length : Math.max(total(), items().length));
  }

  /** The small one, which is there already, below the large one. */
  function pictures(item) {
    const small = el("img", { class: "events-light-img is-small", alt: "", draggable: "false" });
    const img = el("img", { class: "events-light-img", alt: item.face && item.kind === "maybe" ? t("{name}, maybe with you", { name: item.name }) : item.name, draggable: "false" });
    small.src = item.thumb;
    frame.classList.add("is-loading");
    frame.classList.remove("is-missing");
    img.addEventListener("load", () => frame.classList.remove("is-loading"));
    img.addEventListener("error", () => broken(item, img));
    img.src = item.web;
    return [small, img, el("span", { class: "spinner events-light-spinner", "aria-hidden": "true" })];
  }

  async function broken(item, img) {
    const ask = renew && !img.dataset.renewed && (await hasEnded(item.web));
    if (items()[at] !== item || !img.isConnected) return;
    if (ask) {
      img.dataset.renewed = "yes";
      try {
        await renew(item);
        if (img.isConnected) img.src = item.web;
        return;
      } catch (error) {
        if (!isAbort(error)) showProblem(room, error);
      }
    }
    frame.classList.remove("is-loading");
    frame.classList.add("is-missing");
    frame.append(el("p", { class: "events-light-missing" }, icon("image"), t("This photo cannot be shown: it may have been deleted.")));
  }

  function drawFaces() {
    const item = items()[at];
    frame.querySelector(".events-light-faces")?.remove();
    marking.hidden = !item.face;
    marking.setAttribute("aria-pressed", String(faces));
    if (!item.face || !faces) return;
    const { x, y, w, h } = item.face;
    frame.append(
      svg(
        "svg",
        { class: "events-light-faces", viewBox: `0 0 ${item.width} ${item.height}`, "aria-hidden": "true", focusable: "false" },
        svg(
          "g",
          { class: `face ${item.kind === "maybe" ? "face-warn" : ""}` },
          svg("rect", { x, y, width: w, height: h, rx: Math.max(item.width, item.height) / 150, class: "face-box" }),
        ),
      ),
    );
  }

  function drawTools() {
    if (!keeping || !items()[at]) return;
    const { kept } = items()[at];
    keeping.setAttribute("aria-pressed", String(kept));
    fill(keeping, kept ? icon("bookmark-heart-fill") : icon("bookmark-heart"), el("span", { class: "events-light-label" }, kept ? t("Kept") : t("Keep")));
  }

  function leaveOut() {
    if (!items().length) return dialog.close();
    at = Math.min(at, items().length - 1);
    return draw();
  }

  function step(by) {
    const wanted = at + by;
    if (wanted < 0 || wanted >= items().length) return zoom.settle();
    const focused = document.activeElement;
    at = wanted;
    draw();
    frame.classList.remove("comes-next", "comes-previous");
    void frame.offsetWidth; // so that the animation starts again
    frame.classList.add(by > 0 ? "comes-next" : "comes-previous");
    // A button that has just been switched off would lose the focus to the page.
    if (focused?.disabled) (focused === next ? previous : next).focus();
    return undefined;
  }

  // --- fingers, wheel, keys

  const zoom = makeZoom(stage, frame, { step, close: () => dialog.close() });
  dialog.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (move) step(move);
    else if (event.key === "Home") step(-at);
    else if (event.key === "End") step(items().length - 1 - at);
    else return;
    event.preventDefault();
  });

  document.body.append(dialog);
  draw();
  dialog.showModal();
  closing.focus();
  document.documentElement.classList.add("has-events-light");
  // The back button of a phone closes the photo, not the page.
  const opening = Date.now();
  history.pushState({ ...history.state, light: opening }, "");
  const back = () => dialog.close();
  window.addEventListener("popstate", back);

  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      window.removeEventListener("popstate", back);
      document.documentElement.classList.remove("has-events-light");
      const last = items()[at];
      dialog.remove();
      if (history.state?.light !== opening) return resolve(last);
      // Not before that step is taken: a later one would be lost to it.
      window.addEventListener("popstate", () => resolve(last), { once: true });
      return history.back();
    });
  });
}

/** Swiping, pulling down, and looking closer. */
function makeZoom(stage, frame, { step, close }) {
  const fingers = new Map(); // pointer id -> {x, y}
  let scale = 1;
  let [x, y] = [0, 0]; // of the frame's middle from the stage's
  let start = null; // of one finger
  let pinch = null;
  let tap = { at: -Infinity, x: 0, y: 0 };

  function apply() {
    frame.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    stage.classList.toggle("is-enlarged", scale > 1);
  }

  function reset() {
    fingers.clear();
    start = null;
    pinch = null;
    scale = 1;
    [x, y] = [0, 0];
    frame.style.opacity = "";
    apply();
  }

  function settle() {
    frame.classList.add("is-settling");
    frame.style.opacity = "";
    if (scale <= 1) [scale, x, y] = [1, 0, 0];
    hold();
    apply();
    setTimeout(() => frame.classList.remove("is-settling"), 200);
  }

  /** No empty room beside an enlarged picture. */
  function hold() {
    const wide = (stage.clientWidth * (scale - 1)) / 2;
    const high = (stage.clientHeight * (scale - 1)) / 2;
    x = Math.min(wide, Math.max(-wide, x));
    y = Math.min(high, Math.max(-high, y));
  }

  /** What is at this place of the screen stays there. */
  function enlarge(wanted, clientX, clientY) {
    const box = stage.getBoundingClientRect();
    const [px, py] = [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
    const to = Math.min(LARGEST, Math.max(1, wanted));
    x = px - ((px - x) * to) / scale;
    y = py - ((py - y) * to) / scale;
    scale = to;
    hold();
    apply();
  }

  function middle() {
    const [a, b] = [...fingers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button") || event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 1) start = { x: event.clientX, y: event.clientY, fromX: x, fromY: y };
    if (fingers.size === 2) pinch = { ...middle(), scale };
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 2 && pinch) {
      const now = middle();
      enlarge((pinch.scale * now.apart) / pinch.apart, now.x, now.y);
      start = null;
      return;
    }
    if (!start) return;
    const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
    if (scale > 1) {
      [x, y] = [start.fromX + dx, start.fromY + dy];
      hold();
    } else if (Math.abs(dx) >= Math.abs(dy)) [x, y] = [dx, 0];
    else {
      [x, y] = [0, Math.max(0, dy)];
      frame.style.opacity = String(1 - Math.min(0.6, y / 400));
    }
    apply();
  });
  for (const type of ["pointerup", "pointercancel"]) {
    stage.addEventListener(type, (event) => {
      if (!fingers.delete(event.pointerId)) return;
      const from = start;
      start = null;
      pinch = null;
      if (type === "pointercancel" || !from || fingers.size) return settle();
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (Math.hypot(dx, dy) < TAP_PX) {
        tapped(event);
        return settle();
      }
      if (scale > 1) return settle();
      if (Math.abs(dx) > SWIPE_PX && Math.abs(dx) > Math.abs(dy)) return step(dx < 0 ? 1 : -1);
      if (dy > PULL_PX && dy > Math.abs(dx)) return close();
      return settle();
    });
  }
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      enlarge(scale * (event.deltaY < 0 ? 1.2 : 1 / 1.2), event.clientX, event.clientY);
    },
    { passive: false },
  );

  function tapped({ clientX, clientY, timeStamp }) {
    const twice = timeStamp - tap.at < DOUBLE_TAP_MS && Math.hypot(clientX - tap.x, clientY - tap.y) < 40;
    tap = { at: twice ? -Infinity : timeStamp, x: clientX, y: clientY };
    if (!twice) return;
    if (scale > 1) reset();
    else enlarge(DOUBLE_TAP_SCALE, clientX, clientY);
  }

  return { reset, settle };
}
