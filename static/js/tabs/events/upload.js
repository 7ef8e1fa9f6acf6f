/**
 * The photos of an event on their way: choosing and dropping them, one bar for all, and what became of those that were
 * not taken. It goes on while other tabs are shown, and ends when somebody else signs in.
 *
 * makeUpload({currentEvent, onStored, onIdle}) -> {retell(), busy}
 *      currentEvent(): the event that is shown, {id, name}. onStored(event, images): new photos are on the server.
 *      onIdle(event): all is sent. retell(): another event is shown
 */
import { announce, notice } from "../../core/announce.js";
import { byId, el, fill } from "../../core/dom.js";
import { clearProblem, showProblem } from "../../core/errors.js";
import { bytes, number, seconds } from "../../core/format.js";
import { t, tn } from "../../core/messages.js";
import { makePicker } from "../../core/picker.js";
import { makeProgress } from "../../core/progress.js";
import { onSession, session } from "../../core/session.js";
import { makeSender } from "./batches.js";

const IPHONE = /\.hei[cf]$/i;
/** More lines nobody reads. */
const MOST_OUTCOMES = 300;

export function makeUpload({ currentEvent, onStored, onIdle }) {
  const box = byId("events-upload-run");
  const progress = makeProgress(byId("events-upload-progress"));
  const sender = makeSender({ onChange: draw, onStored, onIdle: ended });
  const input = byId("events-drop-input");
  const folder = byId("events-drop-folder");
  let target = null; // the event that files were added to last
  let owner = null; // who added them
  let listed = 0; // outcomes that are in the list
  let shownProblem = null;
  let wakeLock = null;
  let choosing = false; // what was refused and what was taken of one choice come one after the other

  makePicker(byId("events-drop"), { onFiles: add, onRefused: (refusals) => refuse(refusals) });
  byId("events-drop-choose").addEventListener("click", () => input.click());
  byId("events-drop-choose-folder").addEventListener("click", () => folder.click());
  // A folder holds other things as well: nobody has to read about each of them.
  folder.addEventListener("change", () => {
    const files = [...folder.files];
    const pictures = files.filter(({ name }) => /\.(jpe?g|png)$/i.test(name));
    folder.value = "";
    byId("events-drop-error").textContent = pictures.length ? "" : t("There are no JPEG or PNG pictures in this folder.");
    if (pictures.length) add(pictures);
  });
  byId("events-upload-stop").addEventListener("click", () => sender.stop());
  byId("events-upload-again").addEventListener("click", () => sender.again());
  byId("events-upload-close").addEventListener("click", () => {
    sender.clear();
    forget();
  });
  window.addEventListener("beforeunload", (event) => {
    if (sender.busy) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => sender.busy && !document.hidden && stayAwake());
  onSession(() => {
    if ((session.account?.user_id ?? null) === owner) return;
    sender.stop();
    sender.clear();
    forget();
  });

  function begin() {
    target = currentEvent();
    owner = session.account?.user_id ?? null;
    if (!choosing && !sender.busy && !sender.state.failed) {
      sender.clear();
      forget();
    }
    choosing = true;
    queueMicrotask(() => {
      choosing = false;
    });
    return target;
  }

  function add(files) {
    const event = begin();
    if (!event) return;
    sender.add(files, event);
    stayAwake();
    announce(tn("{count} photo is being uploaded", "{count} photos are being uploaded", files.length));
  }

  function refuse(refusals) {
    const event = begin();
    const advised = refusals.map(({ file, text }) => ({ file, text: IPHONE.test(file.name) ? t("A picture of an iPhone (HEIC): save it as JPEG, or upload it from the phone itself, which does that for you.") : text }));
    if (event) sender.refuse(advised, event);
  }

  function forget() {
    listed = 0;
    shownProblem = null;
    fill(byId("events-upload-list"));
    byId("events-upload-outcomes").open = false;
    clearProblem(byId("events-upload-problem"));
    draw();
  }

  function draw() {
    const state = sender.state;
    const busy = sender.busy;
    box.hidden = !busy && !state.done && !state.outcomes.length && !state.failed;
    box.classList.toggle("is-done", !busy);
    byId("events-upload-stop").hidden = !busy;
    byId("events-upload-close").hidden = busy;
    byId("events-upload-title").textContent = title(state, busy);
    if (busy) progress.share(state.share, words(state));
    else progress.hide();
    write("events-upload-note", busy ? (state.waiting ?? t("Leave this page open until everything is there.")) : "");
    write("events-upload-result", busy ? "" : result(state));
    byId("events-upload-again-room").hidden = busy || !state.failed;
    drawOutcomes(state.outcomes);
    if (state.problem === shownProblem) return;
    shownProblem = state.problem;
    if (shownProblem) showProblem(byId("events-upload-problem"), shownProblem);
    else clearProblem(byId("events-upload-problem"));
  }

  function write(id, text) {
    const element = byId(id);
    element.hidden = !text;
    if (element.textContent !== text) element.textContent = text;
  }

  function title(state, busy) {
    const other = target && currentEvent()?.id !== target.id;
    if (busy) return other ? t("Photos are being uploaded to {event}", { event: target.name }) : t("Photos are being uploaded");
    if (state.failed) return t("Not everything has arrived");
    return other ? t("The upload to {event} is done", { event: target.name }) : t("The upload is done");
  }

  function words({ done, total, bytesSent, bytes: all, rate, etaSeconds }) {
    const parts = [t("{done} of {total} photos", { done: number(done), total: number(total) }), t("{done} of {total}", { done: bytes(bytesSent), total: bytes(all) })];
    if (rate && bytesSent < all) parts.push(t("{size} a second", { size: bytes(rate) }));
    if (etaSeconds !== null) parts.push(t("{time} left", { time: seconds(Math.max(1, Math.round(etaSeconds))) }));
    return parts.join(" · ");
  }

  function result({ uploaded, outcomes, failed }) {
    const known = outcomes.filter(({ kind }) => kind === "duplicate").length;
    const refused = outcomes.length - known;
    return [
      uploaded || !outcomes.length ? tn("{count} photo added", "{count} photos added", uploaded) : t("No new photo"),
      known && tn("{count} was here already", "{count} were here already", known),
      refused && tn("{count} file was not taken", "{count} files were not taken", refused),
      failed && tn("{count} file is still to be sent", "{count} files are still to be sent", failed),
    ]
      .filter(Boolean)
      .join(" · ");
  }

  function drawOutcomes(outcomes) {
    const details = byId("events-upload-outcomes");
    const list = byId("events-upload-list");
    details.hidden = !outcomes.length;
    byId("events-upload-outcomes-title").textContent = tn("{count} file that was not added", "{count} files that were not added", outcomes.length);
    for (const { name, kind, text } of outcomes.slice(listed, MOST_OUTCOMES)) {
      const line = el("li", { class: `is-${kind}` }, el("span", { class: "events-outcome-name" }, name), el("span", { class: "events-outcome-text" }, text));
      // What has to be looked at comes first.
      if (kind === "rejected") list.insertBefore(line, list.querySelector(".is-duplicate"));
      else list.append(line);
    }
    if (outcomes.length > MOST_OUTCOMES && listed <= MOST_OUTCOMES) list.append(el("li", { class: "is-duplicate" }, t("… and more")));
    if (outcomes.length > listed && !sender.busy && outcomes.some(({ kind }) => kind === "rejected")) details.open = true;
    listed = outcomes.length;
  }

  function ended() {
    const state = sender.state;
    wakeLock?.release().catch(() => {});
    wakeLock = null;
    draw();
    if (state.outcomes.some(({ kind }) => kind === "rejected")) byId("events-upload-outcomes").open = true;
    if (state.failed) notice(t("Not everything has arrived"), { kind: "danger" });
    else if (state.done) notice(result(state), { kind: state.uploaded ? "success" : "info" });
    if (target) onIdle(target);
  }

  /** A phone that falls asleep stops sending. */
  async function stayAwake() {
    try {
      wakeLock ??= await navigator.wakeLock?.request("screen");
      wakeLock?.addEventListener("release", () => {
        wakeLock = null;
      });
    } catch {
      // not allowed, or battery saving: then it may sleep
    }
  }

  return {
    retell: draw,
    get busy() {
      return sender.busy;
    },
  };
}
