/**
 * Pictures, and faces drawn over them.
 *
 * setPicture(img, path)        shows a picture of the API. With a session it is fetched with the token and shown as a
 *                              blob (let go when another one is set, or by releasePictures(root)), when it comes into view
 * releasePictures(root)        lets go of every picture below root: call it before the elements are thrown away
 * showBlob(img, blob)          shows a File or Blob
 * facePicture({blob, path, alt, faces}) -> figure     a picture with a box for each face, at any size on screen.
 *      faces: [{box: {x, y, w, h}, landmarks: [[x, y], …], label, kind}], in pixels of the upright original; kind: "good"
 *      (default), "warn", "bad", "other". alt says what is seen; the labels are read out after it.
 */
import { el, svg } from "./dom.js";
import { t, tn } from "./messages.js";
import { get } from "./api.js";
import { session } from "./session.js";

/** A label's letters are 3.4 of these high. */
const UNIT_PX = 4;
const held = new WeakMap(); // img -> blob URL
const wanted = new WeakMap(); // img -> path
const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        seen.unobserve(target);
        load(target);
      }
    }
  },
  { rootMargin: "300px" },
);

export function setPicture(img, path) {
  release(img);
  img.classList.remove("is-missing");
  if (!session.signedIn) {
    img.loading = "lazy";
    img.addEventListener("error", () => img.classList.add("is-missing"), { once: true });
    img.src = path;
    return;
  }
  wanted.set(img, path);
  seen.observe(img);
}

export function releasePictures(root) {
  for (const img of root.querySelectorAll("img")) release(img);
}

export function showBlob(img, blob) {
  release(img);
  const url = URL.createObjectURL(blob);
  held.set(img, url);
  img.src = url;
}

export function facePicture({ blob = null, path = null, alt, faces = [] }) {
  const img = el("img", { class: "face-picture-img", alt: describe(alt, faces) });
  const overlay = svg("svg", { class: "face-picture-overlay", "aria-hidden": "true", focusable: "false" });
  const figure = el("figure", { class: "face-picture" }, img, overlay);
  const draw = () => {
    if (!img.naturalWidth || !img.clientWidth) return;
    overlay.setAttribute("viewBox", `0 0 ${img.naturalWidth} ${img.naturalHeight}`);
    // Letters have one size on screen, whatever the picture's.
    const unit = (UNIT_PX * img.naturalWidth) / img.clientWidth;
    overlay.replaceChildren(...faces.map((face) => drawn(face, unit, img.naturalWidth)));
  };
  img.addEventListener("load", draw);
  new ResizeObserver(draw).observe(img);
  if (blob) showBlob(img, blob);
  else if (path) setPicture(img, path);
  return figure;
}

function drawn({ box, landmarks = [], label = "", kind = "good" }, unit, width) {
  const group = svg("g", { class: `face face-${kind}` });
  group.append(svg("rect", { x: box.x, y: box.y, width: box.w, height: box.h, rx: unit, class: "face-box" }));
  for (const [x, y] of landmarks) group.append(svg("circle", { cx: x, cy: y, r: unit * 0.7, class: "face-point" }));
  if (label) {
    const size = unit * 3.4;
    const length = label.length * size * 0.62 + size;
    const left = Math.max(0, Math.min(box.x, width - length));
    const top = box.y > size * 1.6 ? box.y - size * 1.5 : box.y + box.h + size * 0.2;
    group.append(
      svg("rect", { x: left, y: top, width: length, height: size * 1.4, rx: size * 0.3, class: "face-label-back" }),
      svg("text", { x: left + size * 0.5, y: top + size, "font-size": size, class: "face-label" }, label),
    );
  }
  return group;
}

function describe(alt, faces) {
  const labels = faces.map((face) => face.label).filter(Boolean);
  const count = faces.length ? tn("{count} face marked", "{count} faces marked", faces.length) : t("no face marked");
  return [alt, labels.length ? `${count}: ${labels.join(", ")}` : count].filter(Boolean).join(". ");
}

async function load(img) {
  const path = wanted.get(img);
  try {
    const { data } = await get(path, { as: "blob" });
    if (wanted.get(img) === path) showBlob(img, data);
  } catch {
    img.classList.add("is-missing");
  }
}

function release(img) {
  wanted.delete(img);
  seen.unobserve(img);
  const url = held.get(img);
  if (url) {
    URL.revokeObjectURL(url);
    held.delete(img);
    img.removeAttribute("src");
  }
}
