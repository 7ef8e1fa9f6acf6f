/**
 * The way for guests: link, QR code, and a text to send.
 *
 * makeShare() -> {show(event), know(eventId, password), forget()}
 *      know: the password of an event that was made or changed just now: it is shown until another event is. forget: no
 *      event is shown
 */
import { announce, notice } from "../../core/announce.js";
import { download, get, isAbort, path } from "../../core/api.js";
import { busy } from "../../core/busy.js";
import { byId, el, fill, icon } from "../../core/dom.js";
import { clearProblem, showProblem } from "../../core/errors.js";
import { t } from "../../core/messages.js";
import { releasePictures, showBlob } from "../../core/picture.js";
import { onSession } from "../../core/session.js";
import { day } from "./day.js";

const HERE_ONLY = /^(localhost|127\.|\[::1\]|0\.0\.0\.0)/;

export function makeShare() {
  const link = byId("events-share-link");
  const text = byId("events-share-text");
  const withPassword = byId("events-share-with");
  const qr = el("img", { id: "events-share-qr", alt: t("QR code with the link of the event"), width: 240, height: 240 });
  let event = null;
  let known = { eventId: null, password: "" };
  let written = ""; // the text as it was suggested
  let requests = new AbortController();

  link.addEventListener("focus", () => link.select());
  text.addEventListener("input", tell);
  withPassword.addEventListener("change", suggest);
  copying("events-share-copy", () => link.value, t("The link is copied."));
  copying("events-share-copy-text", () => text.value, t("The text is copied."));
  copying("events-share-copy-password", () => known.password, t("The password is copied."));
  for (const button of document.querySelectorAll("[data-qr]")) {
    button.addEventListener("click", () => busy(button, () => save(button.dataset.qr)));
  }
  onSession(() => {
    known = { eventId: null, password: "" };
    showKnown();
  });
  const send = byId("events-share-send");
  send.hidden = !navigator.share;
  send.addEventListener("click", () =>
    navigator.share({ title: event.name, text: text.value }).catch(() => {}), // given up by hand
  );

  function copying(id, value, words) {
    const button = byId(id);
    button.addEventListener("click", async () => {
      if (!(await copied(value()))) return notice(t("This browser does not let pages copy: mark the text and copy it by hand."), { kind: "info" });
      fill(button, icon("check-lg"), el("span", { class: "btn-text" }, t("Copied")));
      announce(words);
      return setTimeout(() => fill(button, icon("copy"), el("span", { class: "btn-text" }, button.dataset.words)), 2500);
    });
    button.dataset.words = button.textContent.trim();
  }

  function show(next) {
    const other = event?.id !== next.id;
    const renamed = other || event.name !== next.name || event.date !== next.date || event.link !== next.link;
    event = next;
    if (known.eventId !== event.id) known = { eventId: null, password: "" };
    link.value = event.link;
    byId("events-share-local").hidden = !HERE_ONLY.test(new URL(event.link).host);
    showKnown();
    if (other) {
      withPassword.checked = false;
      text.value = "";
      written = "";
      loadQr();
    }
    if (renamed) suggest();
  }

  function showKnown() {
    const knows = known.eventId === event?.id;
    byId("events-share-known").hidden = !knows;
    byId("events-share-with-room").hidden = !knows;
    byId("events-share-password").textContent = knows ? known.password : "";
    if (!knows) withPassword.checked = false;
  }

  /** Only in place of what was suggested before: what somebody wrote stays. */
  function suggest() {
    if (!event || (text.value !== written && text.value)) return;
    const date = day(event.date);
    const lines = [
      date ? t("Photos of {event}, {date}", { event: event.name, date }) : t("Photos of {event}", { event: event.name }),
      t("Take a selfie and find all photos that you are on:"),
      event.link,
      withPassword.checked && known.eventId === event.id ? t("Password: {password}", { password: known.password }) : t("You get the password from me."),
    ];
    written = lines.join("\n");
    text.value = written;
    tell();
  }

  function tell() {
    byId("events-share-whatsapp").href = `https://wa.me/?text=${encodeURIComponent(text.value)}`;
  }

  async function loadQr() {
    requests.abort();
    requests = new AbortController();
    const { signal } = requests;
    const problem = byId("events-share-qr-problem");
    clearProblem(problem);
    const room = byId("events-share-qr-room");
    releasePictures(room);
    fill(room);
    try {
      const { data } = await get(path`/api/events/${event.id}/qr`, { query: { format: "svg" }, as: "blob", signal });
      if (signal.aborted) return;
      showBlob(qr, data);
      fill(room, qr);
    } catch (error) {
      if (!isAbort(error)) showProblem(problem, error, { retry: loadQr });
    }
  }

  async function save(format) {
    const problem = byId("events-share-qr-problem");
    clearProblem(problem);
    try {
      await download(path`/api/events/${event.id}/qr`, `${fileName(event.name)}-qr.${format}`, { query: { format } });
    } catch (error) {
      showProblem(problem, error, { retry: () => save(format) });
    }
  }

  return {
    show,
    know(eventId, password) {
      known = { eventId, password };
      if (!event) return;
      showKnown();
      suggest();
    },
    forget() {
      event = null;
      written = "";
      text.value = "";
      requests.abort();
    },
  };
}

/** What every system takes as the name of a file. */
function fileName(name) {
  return name.replace(/[\\/:*?"<>|\u0000-\u001f]+/g, " ").trim().replace(/\s+/g, "-").slice(0, 80) || "event";
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

/** Where there is no clipboard: pages over plain HTTP. */
function copiedByHand(text) {
  const room = el("textarea", { class: "visually-hidden", readonly: true, "aria-hidden": "true" });
  const before = document.activeElement;
  room.value = text;
  document.body.append(room);
  room.select();
  const done = document.execCommand("copy");
  room.remove();
  before?.focus?.();
  return done;
}
