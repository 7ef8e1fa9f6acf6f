/**
 * makeGallery({list, pager, onDeleted}) -> {show(user, photos), add(photo)}
 *
 * Thumbnails, newest first, with the face, the verdict and what to do better; a larger view with the figures; deletion.
 */
import { announce, notice } from "../../core/announce.js";
import { Problem, del, path } from "../../core/api.js";
import { confirm, openDialog } from "../../core/dialog.js";
import { el, fill, icon } from "../../core/dom.js";
import { dateTime, number, percent } from "../../core/format.js";
import { t } from "../../core/messages.js";
import { makePager } from "../../core/pager.js";
import { facePicture, releasePictures } from "../../core/picture.js";
import { facesOf, verdictOf } from "./verdict.js";

const PER_PAGE = 60;
const SYMBOLS = {
  good: () => icon("check-lg"),
  warn: () => icon("exclamation-lg"),
  bad: () => icon("x-lg"),
};

export function makeGallery({ list, pager: nav, onDeleted }) {
  let user = null;
  let photos = []; // newest first
  const pager = makePager(nav, {
    perPage: PER_PAGE,
    onPage: (page) => {
      draw(page);
      list.scrollIntoView({ block: "start" });
    },
  });

  function show(whose, all) {
    const same = user?.id === whose.id;
    user = whose;
    photos = [...all].reverse();
    draw(same ? Math.min(pager.page, Math.max(1, Math.ceil(photos.length / PER_PAGE))) : 1);
  }

  function add(photo) {
    if (photos.some(({ id }) => id === photo.id)) return; // a reload was faster
    photos.unshift(photo);
    if (pager.page !== 1) return draw(pager.page);
    list.prepend(card(photo, true));
    if (photos.length > PER_PAGE) takeAway(list.lastElementChild);
    return pager.update({ page: 1, total: photos.length });
  }

  function draw(page) {
    releasePictures(list);
    fill(list, photos.slice((page - 1) * PER_PAGE, page * PER_PAGE).map((photo) => card(photo)));
    pager.update({ page, total: photos.length });
  }

  function card(photo, isNew = false) {
    const { kind, text, reasons, advice } = verdictOf(photo);
    const label = [photo.filename, text, ...reasons].join(", ");
    return el(
      "li",
      { class: `photos-card photos-card-${kind} ${isNew ? "is-new" : ""}`, dataset: { photo: photo.id } },
      el(
        "button",
        { class: "photos-open", type: "button", "aria-label": t("{name}: show larger", { name: label }), onclick: () => look(photo) },
        picture(photo),
      ),
      el(
        "div",
        { class: "photos-words" },
        el("div", { class: "photos-verdict" }, el("span", { class: `tag tag-${kind}` }, SYMBOLS[kind](), text), reasons.map((reason) => el("span", { class: "photos-reason" }, reason))),
        advice.length ? el("p", { class: "photos-advice" }, advice.join(" ")) : null,
        el("p", { class: "photos-name", title: photo.filename }, photo.filename),
      ),
      el(
        "button",
        { class: "btn btn-outline-secondary btn-icon photos-delete", type: "button", "aria-label": t("Delete {name}", { name: photo.filename }), title: t("Delete {name}", { name: photo.filename }), onclick: () => remove(photo) },
        icon("trash"),
      ),
    );
  }

  function picture(photo, { landmarks = false } = {}) {
    const faces = facesOf(photo).map((face) => (landmarks ? face : { ...face, landmarks: [] }));
    return facePicture({ path: path`/api/photos/${photo.user_id}/${photo.id}/image`, alt: photo.filename, faces });
  }

  // --- the larger view

  async function look(first) {
    let photo = first;
    const body = el("div", { class: "photos-large" });
    const turn = (step) => {
      const at = photos.findIndex(({ id }) => id === photo.id);
      photo = photos[(at + step + photos.length) % photos.length];
      draw();
      announce(`${photo.filename}, ${verdictOf(photo).text}`);
    };
    const draw = () => {
      releasePictures(body);
      fill(body, el("div", { class: "photos-large-picture" }, picture(photo, { landmarks: true })), facts(photo));
      const title = body.closest("dialog")?.querySelector(".dialog-title");
      if (title) title.textContent = photo.filename;
    };
    const tool = (symbol, words, work) =>
      el("button", { class: "btn btn-outline-secondary", type: "button", "aria-label": words, onclick: work }, symbol, el("span", { class: "photos-tool-words" }, words));
    let wantsDeletion = false;
    const tools = el(
      "div",
      { class: "photos-large-tools" },
      photos.length > 1 && tool(icon("chevron-left"), t("Previous"), () => turn(-1)),
      photos.length > 1 && tool(icon("chevron-right"), t("Next"), () => turn(1)),
      el(
        "button",
        {
          class: "btn btn-outline-danger",
          type: "button",
          onclick: () => {
            wantsDeletion = true;
            body.closest("dialog").close();
          },
        },
        icon("trash"),
        t("Delete"),
      ),
    );
    draw();
    const whole = el("div", {}, body, tools);
    const closed = openDialog({ title: photo.filename, body: whole, ok: null, cancel: t("Close"), wide: true });
    body.closest("dialog").addEventListener("keydown", (event) => {
      if (photos.length > 1 && ["ArrowLeft", "ArrowRight"].includes(event.key)) turn(event.key === "ArrowLeft" ? -1 : 1);
    });
    await closed;
    releasePictures(body);
    if (wantsDeletion) await remove(photo);
    else list.querySelector(`[data-photo="${photo.id}"] .photos-open`)?.focus();
  }

  // --- deletion

  async function remove(photo) {
    const work = async () => {
      try {
        await del(path`/api/photos/${photo.user_id}/${photo.id}`);
      } catch (error) {
        if (!(error instanceof Problem) || !["photo_not_found", "user_not_found"].includes(error.code)) throw error; // it is gone
      }
    };
    const text = t("{name} is deleted with its embedding: the face is no longer recognised by it. There is no way back.", { name: photo.filename });
    if (!(await confirm({ title: t("Delete this photo?"), text, ok: t("Delete"), danger: true, work }))) return;
    const at = photos.findIndex(({ id }) => id === photo.id);
    photos = photos.filter(({ id }) => id !== photo.id);
    draw(Math.min(pager.page, Math.max(1, Math.ceil(photos.length / PER_PAGE))));
    const next = photos[Math.min(at, photos.length - 1)];
    if (next) list.querySelector(`[data-photo="${next.id}"] .photos-open`)?.focus();
    notice(t("{name} was deleted.", { name: photo.filename }));
    onDeleted(photo);
  }

  return { show, add };
}

function takeAway(element) {
  releasePictures(element);
  element.remove();
}

function facts(photo) {
  const { kind, text, reasons, advice } = verdictOf(photo);
  const quality = photo.face?.quality;
  const degrees = (value) => t("{degrees}°", { degrees: number(value, 0) });
  const rows = [
    [t("Sharpness"), quality && percent(quality.sharpness, 0)],
    [t("Brightness"), quality && percent(quality.brightness, 0)],
    [t("Size of the face"), quality && t("{pixels} pixels in the original", { pixels: quality.size_px })],
    [t("Turned"), quality && [side(quality.yaw, degrees), height(quality.pitch, degrees)].join(", ")],
    [t("Tilted"), quality && degrees(Math.abs(quality.roll))],
    [t("Detector confidence"), photo.face?.detected && percent(Math.min(1, photo.face.score), 0)],
    [t("Stored as"), `${photo.filepath} (${photo.width}×${photo.height})`],
    [t("Added"), dateTime(photo.created_at)],
  ];
  return el(
    "div",
    { class: "photos-large-words" },
    el("p", {}, el("span", { class: `tag tag-${kind}` }, SYMBOLS[kind](), text), ...reasons.map((reason) => el("span", { class: "photos-reason" }, reason))),
    advice.length ? el("ul", { class: "photos-large-advice" }, advice.map((sentence) => el("li", {}, sentence))) : null,
    el(
      "dl",
      { class: "facts" },
      rows.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    ),
  );
}

/** Degrees as the picture shows them: positive is towards its right side. */
function side(yaw, degrees) {
  if (Math.abs(yaw) < 1) return t("straight ahead");
  return yaw > 0 ? t("{angle} to the right", { angle: degrees(yaw) }) : t("{angle} to the left", { angle: degrees(-yaw) });
}

function height(pitch, degrees) {
  if (Math.abs(pitch) < 1) return t("level");
  return pitch > 0 ? t("{angle} up", { angle: degrees(pitch) }) : t("{angle} down", { angle: degrees(-pitch) });
}
