/**
 * makeQueue({list, summary, currentUser, onPhoto, onIdle}) -> {add(files, user), refuse([{file, text}], user), isBusy(),
 *      know(photoIds), retell(), hold(), release()}
 *
 * Uploads one by one, two at a time, each with its own progress. What was taken is handed to onPhoto(photo, user) and
 * leaves the list; what was refused stays there with the reason until it is dismissed. A server that is away or busy is
 * waited for. onIdle({uploaded, refused}) when nothing is left to do. A file that is under way or was uploaded before,
 * and is still among the photos (`know`), is not sent again. Files of somebody else than currentUser() carry that name;
 * call retell() when it changes. Between hold() and release() more is to come: onIdle waits.
 */
import { Problem, path, upload } from "../../core/api.js";
import { whenBack } from "../../core/connection.js";
import { el, fill, icon } from "../../core/dom.js";
import { problemText } from "../../core/errors.js";
import { bytes, number, percent, seconds } from "../../core/format.js";
import { t, tn } from "../../core/messages.js";
import { makeProgress } from "../../core/progress.js";
import { releasePictures, showBlob } from "../../core/picture.js";

const PARALLEL = 2;
/** How often a server that asks to come back later is asked again. */
const ATTEMPTS = 6;
/** What the server knows an upload by that is sent again. crypto.randomUUID is for https alone. */
const uniqueName = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
/** Decoding large pictures only to show them small takes memory. */
const MOST_PREVIEWS = 24;

export function makeQueue({ list, summary, currentUser, onPhoto, onIdle }) {
  const items = []; // {file, user, state: waiting | sending | refused | done, row, …}
  const uploaded = new Map(); // what a file is known by -> photo id
  let there = new Set(); // ids of photos that are still there
  let running = 0;
  let held = false;
  let counts = { uploaded: 0, refused: 0, all: 0 };
  const progress = makeProgress(summary.querySelector(".progress-room"));
  const stop = summary.querySelector("[data-queue-stop]");
  const clear = summary.querySelector("[data-queue-clear]");

  stop.addEventListener("click", () => {
    for (const item of items.filter(({ state }) => state === "waiting" || state === "sending")) give(item);
    pump();
  });
  clear.addEventListener("click", () => {
    for (const item of items.filter(({ state }) => state === "refused")) leave(item);
    tell();
  });

  function add(files, user) {
    for (const file of files) {
      const item = { file, user, key: `${user.id}/${file.name}/${file.size}/${file.lastModified}`, name: uniqueName(), state: "waiting", share: 0 };
      if (isKnown(item)) {
        enter(item);
        refused(item, t("This file has been added already."));
        continue;
      }
      enter(item);
      counts.all += 1;
    }
    pump();
  }

  function refuse(refusals, user) {
    for (const { file, text } of refusals) {
      const item = { file, user, key: null, state: "waiting", share: 0 };
      enter(item, { preview: false });
      refused(item, text);
    }
    tell();
    // What was right of the same choice comes next: one notice tells of both.
    queueMicrotask(() => running || idle());
  }

  function isKnown({ key }) {
    return items.some((other) => other.key === key && other.state !== "refused") || there.has(uploaded.get(key));
  }

  function pump() {
    while (running < PARALLEL) {
      const next = items.find(({ state }) => state === "waiting");
      if (!next) break;
      running += 1;
      send(next).finally(() => {
        running -= 1;
        pump();
      });
    }
    tell();
    if (!running) idle();
  }

  function idle() {
    if (held || !(counts.uploaded || counts.refused)) return;
    const done = counts;
    counts = { uploaded: 0, refused: 0, all: 0 };
    onIdle(done);
  }

  async function send(item) {
    item.state = "sending";
    item.abort = new AbortController();
    show(item);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { data } = await upload(
          path`/api/photos/${item.user.id}/upload`,
          { file: item.file },
          { headers: { "Idempotency-Key": item.name }, signal: item.abort.signal, onProgress: (share) => advance(item, share) },
        );
        uploaded.set(item.key, data.id);
        there.add(data.id);
        counts.uploaded += 1;
        leave(item);
        return onPhoto(data, item.user);
      } catch (error) {
        if (item.state !== "sending") return undefined; // given up by hand
        if (error instanceof Problem && (await patience(item, error, attempt))) continue;
        if (item.state !== "sending") return undefined;
        refused(item, problemText(error), { again: !(error instanceof Problem) || error.status === 0 || error.status >= 500 || error.status === 429 });
        return undefined;
      }
    }
  }

  /** Whether it is worth going on, after a while. */
  async function patience(item, error, attempt) {
    if (error.status === 0) {
      write(item, t("The server does not answer: this goes on when it is back."));
      await Promise.race([whenBack(), given(item)]);
      return item.state === "sending" && attempt < ATTEMPTS;
    }
    if (error.retryAfterSeconds && attempt < ATTEMPTS) {
      write(item, t("The server is busy: again in {time}.", { time: seconds(error.retryAfterSeconds) }));
      await Promise.race([new Promise((resolve) => setTimeout(resolve, error.retryAfterSeconds * 1000)), given(item)]);
      return item.state === "sending";
    }
    return false;
  }

  function given(item) {
    return new Promise((resolve) => item.abort.signal.addEventListener("abort", resolve, { once: true }));
  }

  function refused(item, text, { again = false } = {}) {
    item.state = "refused";
    counts.refused += 1;
    item.row.classList.add("is-refused");
    list.append(item.row); // below what is still on its way
    fill(item.parts.symbol, icon("exclamation-triangle"));
    item.parts.bar.hidden = true;
    write(item, text);
    fill(
      item.parts.buttons,
      again && el("button", { class: "btn btn-sm btn-outline-secondary", type: "button", onclick: () => retry(item) }, t("Try again")),
      el(
        "button",
        { class: "btn-close", type: "button", "aria-label": t("Remove {name} from the list", { name: item.file.name }), onclick: () => dismiss(item) },
      ),
    );
  }

  function retry(item) {
    item.state = "waiting";
    item.share = 0;
    item.row.classList.remove("is-refused");
    counts.all += 1;
    show(item);
    pump();
  }

  function dismiss(item) {
    leave(item);
    tell();
  }

  function give(item) {
    leave(item);
    counts.all -= 1;
    item.abort?.abort();
  }

  function enter(item, { preview = true } = {}) {
    const picture = el("span", { class: "photos-queue-picture" });
    if (preview && items.length < MOST_PREVIEWS) {
      const img = el("img", { class: "thumb", alt: "" });
      img.addEventListener("error", () => img.remove()); // no picture after all: the server says so
      showBlob(img, item.file);
      picture.append(img);
    }
    const symbol = el("span", { class: "photos-queue-symbol" });
    const text = el("span", { class: "photos-queue-text" });
    const fillBar = el("span", { class: "photos-queue-bar-fill" });
    const bar = el("span", { class: "photos-queue-bar", role: "progressbar", "aria-label": item.file.name, "aria-valuemin": "0", "aria-valuemax": "100" }, fillBar);
    const buttons = el("span", { class: "photos-queue-buttons" });
    item.parts = { symbol, text, bar, fillBar, buttons };
    item.row = el(
      "li",
      { class: "photos-queue-item" },
      picture,
      el("span", { class: "photos-queue-words" }, el("span", { class: "photos-queue-name" }, item.file.name, el("span", { class: "photos-queue-size" }, bytes(item.file.size))), text, bar),
      symbol,
      buttons,
    );
    items.push(item);
    list.insertBefore(item.row, list.querySelector(".is-refused"));
    show(item);
  }

  function leave(item) {
    item.state = "done";
    items.splice(items.indexOf(item), 1);
    releasePictures(item.row);
    item.row.remove();
  }

  function show(item) {
    fill(item.parts.symbol);
    fill(item.parts.buttons);
    item.parts.bar.hidden = item.state === "waiting";
    advance(item, item.share);
    if (item.state === "waiting") write(item, t("Waiting"));
  }

  function advance(item, share) {
    item.share = share;
    item.parts.fillBar.style.width = `${Math.round(share * 100)}%`;
    item.parts.bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    if (item.state === "sending") write(item, share < 1 ? t("Uploading {share}", { share: percent(share, 0) }) : t("Looking for the face …"));
    tell();
  }

  function write(item, text) {
    item.text = text;
    item.parts.text.textContent = currentUser()?.id === item.user.id ? text : `${item.user.name}: ${text}`;
  }

  function tell() {
    const left = items.filter(({ state }) => state === "waiting" || state === "sending");
    const gone = items.filter(({ state }) => state === "refused").length;
    summary.hidden = !items.length;
    stop.hidden = !left.length;
    clear.hidden = gone < 2;
    const words = summary.querySelector("[data-queue-words]");
    words.textContent = left.length ? "" : tn("{count} file was not taken", "{count} files were not taken", gone);
    words.hidden = Boolean(left.length);
    summary.querySelector("[data-queue-advice]").hidden = !gone;
    if (left.length) {
      const done = counts.all - left.length;
      const share = (done + left.reduce((sum, { share }) => sum + share * 0.9, 0)) / Math.max(1, counts.all);
      progress.share(share, t("{done} of {total} uploaded", { done: number(done), total: number(counts.all) }));
    } else progress.hide();
  }

  return {
    add,
    refuse,
    isBusy: () => items.some(({ state }) => state === "waiting" || state === "sending"),
    know(ids) {
      there = new Set(ids);
    },
    hold() {
      held = true;
    },
    release() {
      held = false;
      if (!running) idle();
    },
    retell() {
      for (const item of items) write(item, item.text);
    },
  };
}
