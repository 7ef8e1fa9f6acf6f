/**
 * similarityScale({similarity, threshold, margin, kind}) -> element
 *
 * A similarity on a line with the threshold in its middle: right of it is near enough, left of it is not. Cosines of one
 * model lie between 0.8 and 1 and of another between -0.2 and 0.8; so both look alike. margin (optional): a band as wide
 * as the lead that a match needs, left of the mark: whoever else is in it is too close. kind: "good", "warn", "bad".
 *
 * position(value, threshold)  where a value is, from 0 to 1
 */
import { el } from "../../core/dom.js";
import { similarity as written } from "../../core/format.js";
import { t } from "../../core/messages.js";

/** Half the line when the threshold is all but 1. */
const LEAST_HALF = 0.02;

export function position(value, threshold) {
  const low = lowest(threshold);
  return Math.min(1, Math.max(0, (value - low) / (1 - low)));
}

export function similarityScale({ similarity, threshold, margin = 0, kind = "good" }) {
  const at = position(similarity, threshold);
  const mark = el("span", { class: "scale-mark" });
  const needed = el("span", { class: "scale-needed" });
  const fillLine = el("span", { class: "scale-fill" });
  const track = el("span", { class: "scale-track" }, fillLine);
  mark.style.left = `${at * 100}%`;
  fillLine.style.width = `${at * 100}%`;
  const middle = position(threshold, threshold);
  needed.style.left = `${middle * 100}%`;
  if (margin > 0) {
    const band = el("span", { class: "scale-band" });
    const from = position(similarity - margin, threshold);
    band.style.left = `${from * 100}%`;
    band.style.width = `${(at - from) * 100}%`;
    track.append(band);
  }
  track.append(needed, mark);
  const legend = el("span", { class: "scale-legend" }, t("{value} needed", { value: written(threshold) }));
  legend.style.left = `${Math.min(80, Math.max(20, middle * 100))}%`;
  const words = t("Similarity {value}; {needed} is needed", { value: written(similarity), needed: written(threshold) });
  return el("span", { class: `scale scale-${kind}`, role: "img", "aria-label": words }, track, legend);
}

function lowest(threshold) {
  return Math.max(-1, Math.min(2 * threshold - 1, threshold - LEAST_HALF));
}
