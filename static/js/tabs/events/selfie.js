/**
 * Who is looked for: by the stored selfie, or by one to three pictures that are not kept (camera or files).
 *
 * makeSelfie({onSearch, onClear}) -> selfie
 *      onSearch(files or null): async, see results.js: search. onClear(): nobody is looked for any more.
 *      .start()      looks whether there is a stored selfie, and searches by it
 *      .again()      searches once more
 *      .another()    shows the ways to another picture
 *      .stop()       lets go of the camera
 *      .reset()      forgets every picture: somebody else is here
 *      .stored       whether there is a stored selfie
 */
import { notice } from "../../core/announce.js";
import { Problem, del, get, isAbort, upload } from "../../core/api.js";
import { busy } from "../../core/busy.js";
import { makeCamera } from "../../core/camera.js";
import { confirm } from "../../core/dialog.js";
import { byId, el, fill, icon } from "../../core/dom.js";
import { clearProblem, problemText, serverText, showProblem, showText } from "../../core/errors.js";
import { t, tn } from "../../core/messages.js";
import { makePicker } from "../../core/picker.js";
import { releasePictures, setPicture, showBlob } from "../../core/picture.js";
import { session } from "../../core/session.js";

const MOST = 3;
const ADDRESS = "/api/users/me/selfie";

export function makeSelfie({ onSearch, onClear }) {
  const part = (name) => byId(`events-selfie-${name}`);
  const card = byId("events-selfie");
  let stored = null; // as GET /api/users/me/selfie tells it
  let files = []; // what was searched by; none: by the stored one
  let purpose = null; // why pictures are asked for: "search", "add", "replace"; null: they are not
  let offering = false; // to keep the picture
  let declined = false;
  let working = false;
  let requests = new AbortController();

  const camera = makeCamera(part("camera-room"), {
    onPicture: (file) => take([file]),
    series: {
      count: MOST,
      hints: [t("look straight into the camera"), t("turn slightly left"), t("turn slightly right")],
      onSeries: (taken) => take(taken),
    },
  });
  makePicker(part("file"), { onFiles: (chosen) => take(chosen) });
  part("camera-open").addEventListener("click", openCamera);
  part("camera-close").addEventListener("click", () => {
    closeCamera();
    part("camera-open").focus();
  });
  part("add").addEventListener("click", () => ask("add"));
  part("other").addEventListener("click", () => ask("search"));
  part("replace").addEventListener("click", () => ask("replace"));
  part("delete").addEventListener("click", remove);
  part("restart").addEventListener("click", restart);
  part("back").addEventListener("click", () => ask(null));
  part("keep").addEventListener("click", () => busy(part("keep"), () => store(files[0]).then((done) => done && draw())));
  part("decline").addEventListener("click", () => {
    declined = true;
    offering = false;
    draw();
    part("tray").querySelector("button")?.focus();
  });

  async function start() {
    requests.abort();
    requests = new AbortController();
    const { signal } = requests;
    stored = null;
    if (session.signedIn) {
      try {
        stored = (await get(ADDRESS, { signal })).data;
      } catch (error) {
        if (isAbort(error)) return;
        if (!(error instanceof Problem) || error.status !== 404) throw error;
      }
    }
    if (files.length || stored) {
      purpose = null;
      draw();
      await again();
    } else ask("search", { quiet: true });
  }

  function again() {
    return attempt(files.length ? files : null);
  }

  /** Looks by these pictures. What was looked by before stays if they are not good enough. */
  async function attempt(wanted) {
    clearProblem(part("problem"));
    working = true;
    draw();
    const answer = await onSearch(wanted);
    working = false;
    if (answer?.error) {
      if (answer.error.code === "no_selfie") stored = null;
      purpose ??= stored || files.length ? null : "search";
      draw();
      refuse(answer.error);
      card.scrollIntoView({ block: "nearest" });
      return;
    }
    if (answer) {
      files = wanted ?? [];
      purpose = null;
      offering = answer.count > 0 && session.signedIn && !declined;
    }
    draw();
    if (answer) show(byId(answer.count ? "events-found-title" : "events-found-again"));
  }

  /** On a phone the photos are below the screen. */
  function show(title) {
    title.focus({ preventScroll: true });
    if (title.getBoundingClientRect().top > window.innerHeight * 0.6) title.scrollIntoView({ block: "start" });
  }

  async function take(taken) {
    closeCamera();
    if (working) return;
    clearProblem(part("problem"));
    if (purpose === "replace") {
      working = true;
      draw();
      const done = await store(taken[0]);
      working = false;
      draw();
      if (done) await attempt(null);
      return;
    }
    const before = purpose === "add" ? files : [];
    const together = [...before, ...taken];
    if (together.length > MOST) notice(tn("{count} picture is enough: the first ones are used.", "{count} pictures are enough: the first ones are used.", MOST), { kind: "info" });
    await attempt(together.slice(0, MOST));
  }

  // --- the stored one

  async function store(file) {
    clearProblem(part("problem"));
    try {
      const { data } = await upload(ADDRESS, { file });
      stored = data;
      files = [];
      purpose = null;
      offering = false;
      notice([t("Your selfie is kept."), ...data.warnings.map((text) => serverText(text))].join(" "));
      return true;
    } catch (error) {
      if (!isAbort(error)) refuse(error);
      return false;
    }
  }

  /** Which field of the form it was says nothing to anybody. */
  function refuse(error) {
    if (error.status === 422) showText(part("problem"), problemText(error));
    else showProblem(part("problem"), error);
  }

  async function remove() {
    const work = async () => {
      try {
        await del(ADDRESS);
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 404) throw error;
      }
    };
    const text = t("The picture and what was learnt from it are deleted. Kept photos stay. You can take another one at any time.");
    if (!(await confirm({ title: t("Delete your selfie?"), text, ok: t("Delete"), danger: true, work }))) return;
    stored = null;
    files = [];
    onClear();
    ask("search");
    notice(t("Your selfie was deleted."));
  }

  // --- asking for pictures

  function ask(why, { quiet = false } = {}) {
    purpose = why;
    closeCamera();
    clearProblem(part("problem"));
    draw();
    if (quiet) return;
    if (why) part("camera-open").focus();
    else part("tray").querySelector("button")?.focus();
    card.scrollIntoView({ block: "nearest" });
  }

  /** The next guest at the same screen. */
  function restart() {
    files = [];
    offering = false;
    onClear();
    if (stored) {
      purpose = null;
      draw();
      again();
    } else ask("search");
  }

  function openCamera() {
    part("camera").hidden = false;
    part("camera-open").setAttribute("aria-expanded", "true");
    part("choice").hidden = true;
    camera.start();
    part("camera").scrollIntoView({ block: "nearest" });
  }

  function closeCamera() {
    camera.stop();
    part("camera").hidden = true;
    part("choice").hidden = false;
    part("camera-open").setAttribute("aria-expanded", "false");
  }

  // --- what is shown

  function draw() {
    const used = files.length > 0;
    const byStored = !used && stored !== null;
    part("title").textContent = heading(used, byStored);
    part("text").textContent = sentence(used, byStored);
    part("text").hidden = !part("text").textContent;
    drawTray(byStored);
    part("used").hidden = !used && !byStored;
    part("add").hidden = !used || files.length >= MOST || purpose !== null;
    part("other").hidden = !byStored || purpose !== null;
    part("replace").hidden = !byStored || purpose !== null;
    part("delete").hidden = !byStored || purpose !== null;
    part("restart").hidden = !used || purpose !== null;
    part("restart").querySelector(".btn-text").textContent = stored ? t("Back to my stored selfie") : t("Start over");
    part("ways").hidden = purpose === null || working;
    part("back").hidden = !used && !byStored;
    part("privacy").textContent =
      purpose === "replace"
        ? t("The new picture is kept in place of the old one. Nobody but you can see it, and you can delete it at any time.")
        : t("The picture is compared with the faces of this event, and not kept.");
    part("offer").hidden = !offering || !used || purpose !== null;
    part("offer-title").textContent = stored ? t("Keep this picture in place of your stored selfie?") : t("Keep this selfie for the next time?");
    card.classList.toggle("is-compact", (used || byStored) && purpose === null);
  }

  function heading(used, byStored) {
    if (purpose === "replace") return t("A new selfie");
    if (purpose === "add") return t("Another picture of you");
    if (used && purpose === null) return tn("By this picture of you", "By these {count} pictures of you", files.length);
    if (byStored && purpose === null) return t("By your stored selfie");
    return t("Show who you are"); // also while the server is asked whether there is a stored one
  }

  function sentence(used, byStored) {
    if (purpose === "add") return t("Turned slightly to the other side, or in other light: it finds more.");
    if (purpose === "replace") return t("A sharp picture of you alone, from the front.");
    if (purpose === "search") return t("A picture of your face finds the photos that you are on.");
    if (used && files.length < MOST) return t("Another picture, turned slightly, finds more.");
    return byStored ? t("Nobody but you can see it.") : "";
  }

  function drawTray(byStored) {
    const tray = part("tray");
    releasePictures(tray);
    const pictures = files.map((file, index) => {
      const img = el("img", { class: "events-selfie-picture", alt: t("Picture {number} of you", { number: index + 1 }) });
      showBlob(img, file);
      return el(
        "li",
        {},
        img,
        files.length > 1 &&
          el("button", { class: "events-selfie-drop", type: "button", "aria-label": t("Leave out picture {number}", { number: index + 1 }), onclick: () => attempt(files.filter((other) => other !== file)) }, icon("x-lg")),
      );
    });
    if (byStored) {
      const img = el("img", { class: "events-selfie-picture", alt: t("Your stored selfie") });
      setPicture(img, stored.image_url);
      pictures.push(el("li", {}, img));
    }
    fill(tray, pictures);
  }

  function reset() {
    requests.abort();
    closeCamera();
    stored = null;
    files = [];
    purpose = null;
    offering = false;
    declined = false;
    working = false;
    clearProblem(part("problem"));
    draw();
  }

  return {
    start,
    again,
    another: () => ask(files.length && files.length < MOST ? "add" : "search"),
    stop: closeCamera,
    reset,
    get stored() {
      return stored !== null;
    },
  };
}
