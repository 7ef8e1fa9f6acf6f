/**
 * Choosing files and taking pictures.
 *
 * makePicker(dropzone, {onFiles, onRefused, maxBytes}) -> {reset()}
 *      dropzone: macro dropzone. Chooser, drag and drop (of folders too, where it takes several files), and paste while
 *      the tab is shown. onFiles(files) gets what looks right by type and size (one file unless the macro says
 *      multiple=true); what does not is told in the dropzone, or to onRefused([{file, text}]).
 * makeSourcePicker(element, {onFiles, series}) -> {reset(), stop(), show(source)}
 *      element: macro source_picker: file or camera. onFiles(files, {source: "file" | "camera"}) either way. series: see
 *      camera.js. Call stop() in your tab's hide().
 */
import { byId } from "./dom.js";
import { t } from "./messages.js";
import { bytes } from "./format.js";
import { config } from "./config.js";
import { makeCamera } from "./camera.js";

const PICTURES = { types: ["image/jpeg", "image/png"], names: /\.(jpe?g|png)$/i };
const SOUNDS = { types: [], names: /\.(wav|mp3|ogg|oga|opus|flac|m4a|aac|mp4|webm)$/i };

export function makePicker(dropzone, { onFiles, onRefused = null, maxBytes = null }) {
  const audio = dropzone.dataset.kind === "audio";
  const multiple = "multiple" in dropzone.dataset;
  const limit = maxBytes ?? (audio ? config.maxAudioBytes : config.maxUploadBytes);
  const input = dropzone.querySelector("input[type=file]");
  const errorRoom = dropzone.querySelector(".dropzone-error");
  let depth = 0;

  function take(list) {
    errorRoom.textContent = "";
    let files = [...list];
    if (!files.length) return;
    const refused = [];
    if (!multiple && files.length > 1) {
      refused.push(...files.slice(1).map((file) => ({ file, text: t("One file at a time, please.") })));
      files = files.slice(0, 1);
    }
    files = files.filter((file) => {
      const text = refusal(file, audio, limit);
      if (text) refused.push({ file, text });
      return !text;
    });
    if (refused.length) {
      if (onRefused) onRefused(refused);
      else errorRoom.textContent = refused.map(({ file, text }) => `${file.name}: ${text}`).join(" ");
    }
    if (files.length) onFiles(files);
  }

  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // the same file may be chosen again
  });
  dropzone.addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    dropzone.classList.add("is-over");
  });
  dropzone.addEventListener("dragover", (event) => event.preventDefault());
  dropzone.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) leave();
  });
  dropzone.addEventListener("drop", (event) => {
    event.preventDefault();
    leave();
    if (multiple) filesOf(event.dataTransfer).then(take);
    else take(event.dataTransfer?.files ?? []);
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (!files.length || !dropzone.checkVisibility() || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    take(files);
  });

  function leave() {
    depth = 0;
    dropzone.classList.remove("is-over");
  }

  return {
    reset() {
      input.value = "";
      errorRoom.textContent = "";
    },
  };
}

export function makeSourcePicker(element, { onFiles, series = null }) {
  const buttons = [...element.querySelectorAll("[data-source]")];
  const panels = [...element.querySelectorAll("[data-source-panel]")];
  const picker = makePicker(byId(`${element.id}-file`), { onFiles: (files) => onFiles(files, { source: "file" }) });
  const camera = makeCamera(element.querySelector('[data-source-panel="camera"]'), {
    onPicture: (file) => onFiles([file], { source: "camera" }),
    series: series ? { ...series, onSeries: (files) => onFiles(files, { source: "camera" }) } : null,
  });

  function show(source) {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.source === source));
      button.classList.toggle("active", button.dataset.source === source);
    }
    for (const panel of panels) panel.hidden = panel.dataset.sourcePanel !== source;
    if (source === "camera") camera.start();
    else camera.stop();
  }

  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.source));
  show("file");
  return {
    show,
    reset: picker.reset,
    stop() {
      show("file");
    },
  };
}

// A file that misses the dropzone would otherwise be opened in place of the page.
for (const type of ["dragover", "drop"]) {
  window.addEventListener(type, (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
}

/** What was dropped, with the files of folders; in Chromium a folder itself looks like an empty file. */
async function filesOf(transfer) {
  // The list is good only until the first await.
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  const files = [...(transfer?.files ?? [])];
  if (!entries.some((entry) => entry?.isDirectory)) return files;
  return (await Promise.all(entries.filter(Boolean).map(filesBelow))).flat();
}

async function filesBelow(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(filesBelow))).flat();
}

function refusal(file, audio, limit) {
  const { types, names } = audio ? SOUNDS : PICTURES;
  const fits = names.test(file.name) || types.includes(file.type) || (audio && file.type.startsWith("audio/"));
  if (!fits) {
    return audio
      ? t("This is not a recording that can be read: use WAV, MP3, OGG, FLAC, M4A or WebM.")
      : t("This is not a JPEG or PNG picture.");
  }
  if (file.size === 0) return t("The file is empty.");
  if (file.size > limit) return t("The file is too large: {size}, and {limit} are allowed.", { size: bytes(file.size), limit: bytes(limit) });
  return "";
}
