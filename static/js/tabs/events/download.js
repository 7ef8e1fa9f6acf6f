/**
 * Photos of an event as a ZIP file: built by the server, then saved by the browser.
 *
 * makeDownloads(room, {call}) -> {ask({eventId, items}), ask({eventId, count}), look(eventId), stop(), clear()}
 *      room: an empty element at the end of the view; the progress sticks to the bottom of the screen there, and
 *      building goes on while the guest does something else.
 *      call(eventId, work): runs a request, asking for the event's password where needed (access.js: opened).
 *      ask: asks in which size, then builds and saves; items: the chosen ones; count: all photos of the event. -> true
 *      once it is being built. look(eventId): shows what was asked for earlier and not saved. stop(): asks the server no more;
 *      clear(): and shows nothing.
 * saveOne(item)    one photo, as it was uploaded
 */
import { del, download, get, isAbort, path, post } from "../../core/api.js";
import { busy } from "../../core/busy.js";
import { openDialog } from "../../core/dialog.js";
import { el, fill, icon } from "../../core/dom.js";
import { problemText, showProblem } from "../../core/errors.js";
import { tokenHeaders } from "../../core/event_tokens.js";
import { bytes, dateTime } from "../../core/format.js";
import { announce } from "../../core/announce.js";
import { t, tn } from "../../core/messages.js";
import { makeProgress } from "../../core/progress.js";

const POLL_MS = 1000;
const ALIVE = new Set(["queued", "running"]);
/** Ids of those that the guest has saved or put away, for as long as the page is open. */
const settled = new Set();

export function makeDownloads(room, { call }) {
  let timer = null;
  let turn = 0; // answers to what was asked before stop() count for nothing

  async function ask({ eventId, items = null, count = items.length }) {
    const size = items && items.reduce((sum, item) => sum + (item.bytes ?? 0), 0);
    const body = el(
      "fieldset",
      { class: "events-zip-sizes" },
      el("legend", { class: "form-label" }, tn("In which size? {count} photo as one ZIP file", "In which size? {count} photos as one ZIP file", count)),
      choice("original", t("Original size"), size ? t("As it was uploaded, about {size}: to print and to keep", { size: bytes(size) }) : t("As it was uploaded: to print and to keep"), true),
      choice("web", t("Small"), t("Up to 1600 pixels: to look at on a phone and to send")),
    );
    let started = null;
    const done = await openDialog({
      title: t("Download"),
      body,
      ok: t("Download"),
      work: async (form) => {
        const wanted = { size: new FormData(form).get("size"), ...(items ? { image_ids: items.map(({ id }) => id) } : { all: true }) };
        const send = () => post(path`/api/events/${eventId}/downloads`, wanted, { headers: tokenHeaders(eventId) });
        started = (await call(eventId, send)).data;
      },
    });
    if (!done) return false;
    stop();
    announce(t("The ZIP file is being built."));
    settled.delete(started.id);
    watch(started, { save: true });
    return true;
  }

  async function look(eventId) {
    clear();
    const mine = turn;
    try {
      const { data } = await get(path`/api/events/${eventId}/downloads`, { headers: tokenHeaders(eventId) });
      const last = data.find(({ id, state }) => state !== "failed" && !settled.has(id));
      if (mine === turn && last) watch(last, { save: false });
    } catch {
      // Nobody has asked for anything: what was built earlier is built again if it is wanted.
    }
  }

  function stop() {
    turn += 1;
    clearTimeout(timer);
  }

  function clear() {
    stop();
    fill(room);
  }

  /** Follows one until it is ready. */
  function watch(first, { save }) {
    const mine = turn;
    const bar = el(
      "div",
      { class: "progress-room" },
      el("div", { class: "progress", role: "progressbar", "aria-label": t("ZIP file"), "aria-valuemin": "0", "aria-valuemax": "100" }, el("div", { class: "progress-bar" })),
      el("div", { class: "progress-text" }),
    );
    const progress = makeProgress(bar);
    const address = path`/api/events/${first.event_id}/downloads/${first.id}`;
    const headers = () => ({ headers: tokenHeaders(first.event_id) });

    function draw(one) {
      if (ALIVE.has(one.state)) {
        if (!bar.isConnected) fill(room, box(icon("file-earmark-zip"), el("p", { class: "events-zip-title" }, t("Your ZIP file is being built")), bar, el("div", { class: "row-of" }, cancel())));
        progress.update(one.state === "queued" ? {} : { done: one.done, total: one.total });
        timer = setTimeout(next, POLL_MS);
      } else if (one.state === "ready") {
        const facts = [tn("{count} photo", "{count} photos", one.total - (one.left_out ?? 0)), one.size_bytes ? bytes(one.size_bytes) : null, one.left_out ? tn("{count} was deleted meanwhile", "{count} were deleted meanwhile", one.left_out) : null].filter(Boolean).join(" · ");
        const until = one.expires_at ? t("Here until {time}.", { time: dateTime(one.expires_at) }) : "";
        fill(
          room,
          box(
            icon("file-earmark-zip"),
            el("p", { class: "events-zip-title" }, t("Your ZIP file is ready")),
            el("p", { class: "events-zip-facts" }, `${facts}. ${until}`),
            el("div", { class: "row-of" }, again(save)),
            away(),
          ),
        );
        if (save) {
          announce(t("Your ZIP file is ready"));
          settled.add(one.id);
          start(one);
        }
      } else {
        fill(room, box(icon("exclamation-triangle"), el("p", { class: "events-zip-title", role: "alert" }, t("The ZIP file could not be built: ask for it again.")), away()));
      }
    }

    async function next() {
      try {
        const { data } = await call(first.event_id, () => get(address, headers()));
        if (mine === turn) draw(data);
      } catch (error) {
        if (mine !== turn || isAbort(error)) return;
        if (error.code === "offline" || error.status >= 500) timer = setTimeout(next, POLL_MS * 3);
        else fill(room, box(icon("exclamation-triangle"), el("p", { class: "events-zip-title", role: "alert" }, problemText(error))));
      }
    }

    /** Its address may have ended meanwhile: asked for anew. */
    function again(saved) {
      return button("primary", icon("download"), saved ? t("Save once more") : t("Save"), async () => {
        const { data } = await call(first.event_id, () => get(address, headers()));
        settled.add(data.id);
        start(data);
      });
    }

    function cancel() {
      return button("outline-secondary", icon("x-lg"), t("Cancel"), throwAway);
    }

    /** The file goes by itself when it expires. */
    function away() {
      const close = () => {
        settled.add(first.id);
        if (mine === turn) clear();
      };
      return el("button", { class: "btn-close events-zip-close", type: "button", "aria-label": t("Close"), onclick: close });
    }

    async function throwAway() {
      try {
        await call(first.event_id, () => del(address, headers()));
      } catch (error) {
        if (error.status !== 404) throw error;
      }
      if (mine === turn) clear();
    }

    draw(first);
  }

  function button(kind, symbol, text, work) {
    const made = el("button", { class: `btn btn-sm btn-${kind}`, type: "button" }, symbol, el("span", { class: "btn-text" }, text), el("span", { class: "spinner", "aria-hidden": "true" }));
    made.addEventListener("click", () =>
      busy(made, async () => {
        try {
          await work();
        } catch (error) {
          const problem = el("div", { class: "problem-room" });
          made.closest(".events-zip").append(problem);
          showProblem(problem, error);
        }
      }),
    );
    return made;
  }

  return { ask, look, stop, clear };
}

export function saveOne(item) {
  return download(path`/api/images/${item.id}/original`, item.name, { headers: tokenHeaders(item.eventId) });
}

function start({ url, filename }) {
  const link = el("a", { href: url, download: filename, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}

function box(symbol, ...words) {
  return el("div", { class: "events-zip" }, el("span", { class: "events-zip-symbol" }, symbol), el("div", { class: "events-zip-words" }, words));
}

function choice(value, label, text, checked = false) {
  return el(
    "label",
    { class: "events-zip-size" },
    el("input", { type: "radio", name: "size", value, checked, class: "form-check-input" }),
    el("span", {}, el("span", { class: "events-zip-label" }, label), el("span", { class: "form-text" }, text)),
  );
}
