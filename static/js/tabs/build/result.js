/**
 * How a job ended, in the words of the API.
 *
 * jobTitle(job, nameOf)    "John Doe" or "Everybody"
 * headline(job, nameOf)    one sentence; also what screen readers are told
 * jobResult(job)           the rest: numbers, skipped photos with reasons, what to do next; null if that is all
 * seconds of a job's result are those that the work took, without the time in the queue.
 */
import { el, icon } from "../../core/dom.js";
import { t, tn } from "../../core/messages.js";
import { dateTime, number, seconds } from "../../core/format.js";
import { serverText } from "../../core/errors.js";
import { path } from "../../core/api.js";
import { setPicture } from "../../core/picture.js";

export function jobTitle(job, nameOf) {
  return job.kind === "rebuild" ? t("Full rebuild") : nameOf(job.user_id);
}

export function headline(job, nameOf) {
  const name = nameOf(job.user_id);
  if (job.state === "cancelled") return t("Cancelled: the face database is as it was before.");
  if (job.state === "failed") {
    return job.kind === "rebuild" ? t("The rebuild has failed.") : t("The build for {name} has failed.", { name });
  }
  if (job.kind === "rebuild") return t("Face database built successfully");
  const { embeddings_created: created, skipped } = job.incremental;
  if (!created && !skipped.length) return t("Nothing to do: every photo of {name} is trained already", { name });
  if (!created) return t("No new photo of {name} could be used", { name });
  return t("Embeddings built for {name}", { name });
}

export function jobResult(job) {
  if (job.state === "failed") return el("div", { class: "build-result" }, failure(job));
  if (job.state === "cancelled") return null;
  const result = job.kind === "rebuild" ? job.rebuild : job.incremental;
  return el(
    "div",
    { class: "build-result" },
    job.kind === "rebuild" ? rebuildNumbers(result) : incrementalNumbers(result),
    skippedPhotos(result, job.kind === "rebuild" ? null : job.user_id),
    next(job, result),
  );
}

function incrementalNumbers(result) {
  return numbers([
    [t("Faces processed"), "faces_processed", number(result.faces_processed)],
    [t("Embeddings created"), "embeddings_created", number(result.embeddings_created)],
    [t("Embeddings in all"), "embeddings_total", number(result.embeddings_total)],
    [t("Time"), "processing_time_seconds", seconds(result.processing_time_seconds)],
  ]);
}

function rebuildNumbers(result) {
  return numbers([
    [t("Photos"), "num_data", number(result.num_data)],
    [t("People"), "num_classes", number(result.num_classes)],
    [t("Faces"), "total_faces", number(result.total_faces)],
    [t("Time"), "training_time_seconds", seconds(result.training_time_seconds)],
    [t("File"), "model_path", result.model_path, "build-words"],
    [t("Finished"), "timestamp", dateTime(result.timestamp), "build-words"],
  ]);
}

/** Beside each number the name that it has in the API: guides and scripts speak of these. */
function numbers(rows) {
  return el(
    "dl",
    { class: `build-numbers ${rows.length > 4 ? "build-numbers-many" : ""}` },
    rows.map(([label, name, value, extra = ""]) =>
      el("div", { class: extra || null }, el("dt", {}, label, el("code", { translate: "no" }, breakable(name))), el("dd", {}, value)),
    ),
  );
}

function breakable(name) {
  return name.split("_").flatMap((word, index) => (index ? ["_", el("wbr"), word] : [word]));
}

function skippedPhotos(result, userId) {
  const { skipped } = result;
  if (!skipped?.length) return null;
  const total = result.skipped_total ?? skipped.length;
  return el(
    "div",
    { class: "build-skipped" },
    el("h4", {}, tn("{count} photo was left out", "{count} photos were left out", total)),
    el("ul", { tabindex: "0", "aria-label": t("Photos that were left out") }, skipped.map((photo) => skippedPhoto(photo, userId ?? photo.user_id))),
    total > skipped.length && el("p", { class: "form-text" }, t("The first {count} are listed.", { count: skipped.length })),
    userId &&
      el(
        "p",
        { class: "mb-0" },
        el("a", { href: `/photos?user=${userId}`, dataset: { tabLink: "photos" } }, t("Replace these photos by better ones")),
      ),
  );
}

function skippedPhoto(photo, userId) {
  const img = userId ? el("img", { class: "thumb", alt: "" }) : null;
  if (img) setPicture(img, path`/api/photos/${userId}/${photo.photo_id}/image`);
  const name = userId
    ? el("a", { href: `/photos?user=${userId}`, dataset: { tabLink: "photos" } }, photo.filename)
    : photo.filename;
  return el("li", {}, img, el("div", {}, el("p", { class: "build-row-name" }, name), el("p", { class: "form-text" }, serverText(photo.message))));
}

function next(job, result) {
  const trained = job.kind === "rebuild" ? result.total_faces : result.embeddings_total;
  if (!trained) return null;
  const query = job.kind === "rebuild" ? "" : `?user=${job.user_id}`;
  return el(
    "div",
    { class: "row-of" },
    el("a", { class: "btn btn-outline-primary", href: `/verification${query}`, dataset: { tabLink: "verification" } }, icon("person-check"), t("Try Face Verification")),
    el("a", { class: "btn btn-outline-secondary", href: "/recognition", dataset: { tabLink: "recognition" } }, icon("person-bounding-box"), t("Try Recognition")),
  );
}

function failure(job) {
  const { code, message } = job.error ?? {};
  const query = job.user_id ? `?user=${job.user_id}` : "";
  const actions = [];
  if (code === "no_usable_photos") {
    actions.push(el("a", { class: "btn btn-sm btn-outline-secondary", href: `/photos${query}`, dataset: { tabLink: "photos" } }, t("Go to the photos")));
  }
  if (code === "model_not_usable") {
    actions.push(el("a", { class: "btn btn-sm btn-outline-secondary", href: "/status", dataset: { tabLink: "status" } }, t("See the status")));
  }
  return el(
    "div",
    { class: "problem", role: "alert" },
    icon("exclamation-triangle"),
    el(
      "div",
      {},
      el("p", { class: "problem-text" }, serverText(message)),
      el("p", {}, t("The face database is as it was before.")),
      actions.length ? el("div", { class: "problem-actions" }, actions) : null,
    ),
  );
}
