/**
 * makeMicrophone(container, {onRecording, maxSeconds}) -> {stop()}
 *
 * A record button with a level meter and a clock. onRecording(file, {seconds}) gets a File in whichever form the browser
 * records (WebM/Opus, Ogg/Opus or M4A: the API takes each). Stops by itself after maxSeconds (10: more is not listened
 * to). stop() throws away what is being recorded: call it in your tab's hide(). The microphone is on only while it
 * records.
 */
import { copy, fill } from "./dom.js";
import { t } from "./messages.js";
import { announce } from "./announce.js";
import { number } from "./format.js";
import { reason } from "./camera.js";
import { clearProblem, showText } from "./errors.js";

const FORMS = [
  ["audio/webm;codecs=opus", "webm"],
  ["audio/ogg;codecs=opus", "ogg"],
  ["audio/mp4", "m4a"],
];
/** Coughs are judged by sound that nobody has cleaned up. */
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

export function makeMicrophone(container, { onRecording, maxSeconds = 10 }) {
  const view = copy("template-microphone");
  const meter = view.querySelector(".meter");
  const level = view.querySelector(".meter-level");
  const clock = view.querySelector(".microphone-time");
  const room = view.querySelector(".problem-room");
  const startButton = view.querySelector('[data-microphone="start"]');
  const stopButton = view.querySelector('[data-microphone="stop"]');
  let current = null;
  fill(container, view);

  async function start() {
    if (current) return;
    clearProblem(room);
    startButton.disabled = true;
    const recording = { cancelled: false, chunks: [], stream: null, context: null };
    current = recording;
    try {
      if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "InsecureError");
      recording.stream = await navigator.mediaDevices.getUserMedia({ audio: RAW, video: false });
      if (recording.cancelled) return end(recording);
      begin(recording);
    } catch (error) {
      end(recording);
      showText(room, reason(error, t("the microphone")), { retry: start });
    }
    return undefined;
  }

  function begin(recording) {
    const [mime, suffix] = FORMS.find(([type]) => MediaRecorder.isTypeSupported(type)) ?? ["", "webm"];
    const recorder = new MediaRecorder(recording.stream, mime ? { mimeType: mime } : {});
    recording.recorder = recorder;
    recording.started = performance.now();
    recorder.addEventListener("dataavailable", ({ data }) => data.size && recording.chunks.push(data));
    recorder.addEventListener("stop", () => {
      const seconds = (performance.now() - recording.started) / 1000;
      end(recording);
      if (recording.cancelled || !recording.chunks.length) return;
      const type = (mime || recorder.mimeType).split(";")[0];
      announce(t("Recorded {seconds} seconds.", { seconds: number(seconds, 1) }));
      onRecording(new File(recording.chunks, `recording-${Date.now()}.${suffix}`, { type }), { seconds });
    });
    recorder.start();
    listen(recording);
    startButton.hidden = true;
    stopButton.hidden = false;
    stopButton.focus();
    view.classList.add("is-recording");
    announce(t("Recording …"));
    const tick = () => {
      if (current !== recording) return;
      const seconds = (performance.now() - recording.started) / 1000;
      clock.textContent = t("{seconds} s of {most} s", { seconds: number(Math.min(seconds, maxSeconds), 1), most: maxSeconds });
      if (seconds >= maxSeconds) recorder.stop();
      else recording.frame = setTimeout(tick, 100);
    };
    tick();
  }

  function listen(recording) {
    recording.context = new AudioContext();
    const analyser = recording.context.createAnalyser();
    analyser.fftSize = 1024;
    recording.context.createMediaStreamSource(recording.stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const draw = () => {
      if (current !== recording) return;
      analyser.getFloatTimeDomainData(samples);
      const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      // In decibels, -60 to 0: as loud as it sounds.
      const share = loudest > 0 ? Math.max(0, 1 + (20 * Math.log10(loudest)) / 60) : 0;
      level.style.width = `${Math.round(Math.min(1, share) * 100)}%`;
      meter.setAttribute("aria-valuenow", String(Math.round(Math.min(1, share) * 100)));
      requestAnimationFrame(draw);
    };
    draw();
  }

  function end(recording) {
    clearTimeout(recording.frame);
    for (const track of recording.stream?.getTracks() ?? []) track.stop();
    recording.context?.close().catch(() => {});
    if (current !== recording) return;
    const focused = document.activeElement === stopButton;
    current = null;
    level.style.width = "0";
    meter.setAttribute("aria-valuenow", "0");
    view.classList.remove("is-recording");
    startButton.hidden = false;
    startButton.disabled = false;
    stopButton.hidden = true;
    if (focused) startButton.focus();
  }

  function stop() {
    const recording = current;
    if (!recording) return;
    recording.cancelled = true;
    if (recording.recorder?.state === "recording") recording.recorder.stop();
    else end(recording);
  }

  startButton.addEventListener("click", start);
  stopButton.addEventListener("click", () => current?.recorder?.stop());
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  window.addEventListener("pagehide", stop);
  return { stop };
}
