/**
 * makeCamera(container, {onPicture, series}) -> {start(), stop()}
 *
 * A live preview with buttons, put into container. onPicture(file) gets each picture as a JPEG File. series, if there is
 * to be a button for it: {count: 8, hints: [t("Look straight ahead"), …], onSeries(files)}: a countdown before each
 * picture, with the hint that is its turn; onTaken(file), if there is one, gets each picture at once. The camera is let
 * go by stop(), when the page is hidden, and when the window is closed; it comes back when the page is seen again. What
 * can go wrong (denied, none, busy, insecure address) is said in words, with what to do.
 */
import { copy, fill } from "./dom.js";
import { t } from "./messages.js";
import { busy } from "./busy.js";
import { clearProblem, showText } from "./errors.js";

const QUALITY = 0.92;
const SIZE = { width: { ideal: 1280 }, height: { ideal: 960 } };
const COUNT_FROM = 3;

export function makeCamera(container, { onPicture, series = null }) {
  const view = copy("template-camera");
  const video = view.querySelector("video");
  const hint = view.querySelector(".camera-hint");
  const counter = view.querySelector(".camera-count");
  const room = view.querySelector(".problem-room");
  const part = (name) => view.querySelector(`[data-camera="${name}"]`);
  let stream = null;
  let wanted = false;
  let devices = [];
  let facing = "user";
  let deviceId = null;
  let interrupted = null; // of a series
  let round = 0; // of start(): an answer that comes after a later start or stop counts for nothing
  fill(container, view);
  part("capture").disabled = true;

  async function start() {
    wanted = true;
    round += 1;
    const mine = round;
    clearProblem(room);
    hint.textContent = t("Starting the camera …");
    try {
      const opened = await open();
      if (!wanted || mine !== round) return letGo(opened);
      letGo(stream);
      stream = opened;
      stream.getVideoTracks()[0].addEventListener("ended", () => mine === round && fail(new DOMException("", "EndedError")));
      video.srcObject = stream;
      await video.play().catch(() => {}); // interrupted by stop()
      await lookAround();
    } catch (error) {
      if (mine === round) fail(error);
      return;
    }
    if (mine !== round) return;
    hint.textContent = "";
    video.classList.toggle("is-mirrored", facing === "user");
    part("capture").disabled = false;
    part("series").hidden = !series;
    part("series").disabled = false;
  }

  function open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "InsecureError");
    const video = deviceId ? { ...SIZE, deviceId: { exact: deviceId } } : { ...SIZE, facingMode: facing };
    return navigator.mediaDevices.getUserMedia({ video, audio: false });
  }

  async function lookAround() {
    devices = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
    part("switch").hidden = devices.length < 2;
    const settings = stream.getVideoTracks()[0].getSettings();
    deviceId = settings.deviceId ?? null;
    facing = settings.facingMode ?? "user";
  }

  function stop() {
    wanted = false;
    pause();
  }

  function pause() {
    round += 1;
    interrupted?.abort();
    letGo(stream);
    stream = null;
    video.srcObject = null;
    hint.textContent = "";
    part("capture").disabled = true;
    part("series").disabled = true;
  }

  function fail(error) {
    pause();
    wanted = false;
    showText(room, reason(error), { retry: start });
  }

  /** The picture as it is, not mirrored as the preview. */
  function shot() {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    return new Promise((resolve, reject) => {
      canvas.toBlob(
        (blob) =>
          blob
            ? resolve(new File([blob], `camera-${Date.now()}.jpg`, { type: "image/jpeg" }))
            : reject(new DOMException("", "EndedError")),
        "image/jpeg",
        QUALITY,
      );
    });
  }

  async function takeSeries() {
    interrupted = new AbortController();
    const { signal } = interrupted;
    const files = [];
    part("capture").hidden = true;
    part("switch").hidden = true;
    part("series").hidden = true;
    part("stop").hidden = false;
    part("stop").focus();
    try {
      for (let index = 0; index < series.count; index += 1) {
        const words = series.hints?.[index % series.hints.length] ?? "";
        hint.textContent = t("Picture {number} of {count}: {hint}", { number: index + 1, count: series.count, hint: words });
        for (let left = COUNT_FROM; left > 0; left -= 1) {
          counter.textContent = String(left);
          await pauseFor(700, signal);
        }
        counter.textContent = "";
        const file = await shot();
        files.push(file);
        series.onTaken?.(file);
        view.classList.add("is-flashing");
        await pauseFor(250, signal);
        view.classList.remove("is-flashing");
      }
    } catch {
      // stopped: what was taken so far is kept
    }
    view.classList.remove("is-flashing");
    counter.textContent = "";
    hint.textContent = "";
    part("stop").hidden = true;
    part("capture").hidden = false;
    part("series").hidden = false;
    part("switch").hidden = devices.length < 2;
    if (part("series").checkVisibility()) part("series").focus();
    interrupted = null;
    if (files.length) await series.onSeries(files);
  }

  part("capture").addEventListener("click", () => busy(part("capture"), async () => onPicture(await shot())));
  part("series").addEventListener("click", () => takeSeries());
  part("stop").addEventListener("click", () => interrupted?.abort());
  part("switch").addEventListener("click", () => {
    const next = devices[(devices.findIndex((device) => device.deviceId === deviceId) + 1) % devices.length];
    deviceId = next?.deviceId ?? null;
    start();
  });
  document.addEventListener("visibilitychange", () => {
    if (!wanted) return;
    if (document.hidden) pause();
    else start();
  });
  window.addEventListener("pagehide", pause);
  return { start, stop };
}

/** What a refusal of the browser means, and what to do. Also for the microphone. */
export function reason(error, device = t("the camera")) {
  const name = error?.name ?? "";
  if (name === "InsecureError") {
    return t("The browser gives {device} only to secure addresses: open this page at https://… or http://localhost.", { device });
  }
  if (name === "NotAllowedError" || name === "SecurityError") {
    return t("You have not allowed {device}: allow it in the address bar of the browser, then try again.", { device });
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") {
    return t("There is no such device: {device}. Connect one, or choose a file instead.", { device });
  }
  if (name === "NotReadableError" || name === "AbortError") {
    return t("Another program uses {device}: close it, then try again.", { device });
  }
  if (name === "EndedError") return t("The connection to {device} was lost: try again.", { device });
  return t("{device} cannot be used: {text}", { device, text: error?.message || name });
}

function letGo(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function pauseFor(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(resolve, ms);
    return signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
