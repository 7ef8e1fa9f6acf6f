/**
 * The numbers of an event for its owner, and who is on most photos.
 *
 * makeStatistics() -> {load(eventId), stop(), clear()}
 */
import { get, isAbort, path } from "../../core/api.js";
import { byId, el, fill, showState, svg } from "../../core/dom.js";
import { clearProblem, showProblem } from "../../core/errors.js";
import { ago, bytes, number } from "../../core/format.js";
import { t, tn } from "../../core/messages.js";

const AGAIN_MS = 2500;
const MOST_GROUPS = 12;
/** Of a crop's side, around the face on each side. */
const MARGIN = 0.35;

export function makeStatistics() {
  const root = byId("events-part-statistics");
  const problem = byId("events-statistics-problem");
  let requests = new AbortController();
  let timer = null;
  let shown = null; // id of the event whose numbers are there

  async function load(id) {
    stop();
    requests = new AbortController();
    const { signal } = requests;
    if (shown !== id) showState(root, "loading");
    try {
      const { data } = await get(path`/api/events/${id}/statistics`, { signal });
      if (signal.aborted) return;
      clearProblem(problem);
      draw(data);
      shown = id;
      showState(root, "filled");
      if (data.state === "computing") timer = setTimeout(() => load(id), AGAIN_MS);
    } catch (error) {
      if (isAbort(error)) return;
      if (shown !== id) showState(root, "error");
      showProblem(problem, error, { retry: () => load(id) });
    }
  }

  function stop() {
    requests.abort();
    clearTimeout(timer);
  }

  function draw(data) {
    const figures = [
      [t("Photos"), number(data.photos), bytes(data.size_bytes)],
      [t("Faces"), number(data.faces), data.without_faces ? tn("{count} photo without a face", "{count} photos without a face", data.without_faces) : ""],
      [t("Different people"), people(data), t("an estimate, by their faces")],
      [t("Visitors"), number(data.visitors), t("opened the event")],
      [t("Hidden"), number(data.hidden), t("do not want to be found")],
    ];
    fill(byId("events-statistics-figures"), figures.map(([name, value, note]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("span", { class: "events-figure" }, value), note && el("span", { class: "events-figure-note" }, note)))));
    byId("events-statistics-note").textContent = note(data);
    const groups = (data.most_photographed ?? []).filter(({ pictures }) => pictures.length).slice(0, MOST_GROUPS);
    byId("events-statistics-most").hidden = !groups.length;
    fill(byId("events-statistics-list"), groups.map(person));
  }

  function people({ people: count, state }) {
    if (count === null || count === undefined) return state === "computing" ? t("counting …") : "–";
    return number(count);
  }

  function note(data) {
    const waiting = data.photos - data.indexed - data.failed;
    const parts = [
      data.state === "computing" && t("The people are being counted …"),
      data.state === "failed" && t("The people could not be counted."),
      waiting > 0 && tn("{count} photo has not been looked at yet.", "{count} photos have not been looked at yet.", waiting),
      data.computed_at && t("Counted {time}.", { time: ago(data.computed_at) }),
    ];
    return parts.filter(Boolean).join(" ");
  }

  function person({ photos, pictures }) {
    const words = tn("{count} photo", "{count} photos", photos);
    return el("li", {}, faceCrop(pictures[0]), el("span", { class: "events-most-words" }, words));
  }

  return {
    load,
    stop,
    clear() {
      stop();
      shown = null;
    },
  };
}

/** A face cut out of its photo, by the browser: the photo is there anyway. */
function faceCrop({ image, face_coords: { x, y, w, h } }) {
  const side = Math.min(Math.max(w, h) * (1 + 2 * MARGIN), image.width, image.height);
  const left = within(x + w / 2 - side / 2, image.width - side);
  const top = within(y + h / 2 - side / 2, image.height - side);
  return svg(
    "svg",
    { class: "events-most-face", viewBox: `${left} ${top} ${side} ${side}`, role: "img", "aria-label": t("A face on {name}", { name: image.file_name }) },
    svg("image", { href: image.url, x: 0, y: 0, width: image.width, height: image.height }),
  );
}

function within(value, most) {
  return Math.min(Math.max(value, 0), most);
}
