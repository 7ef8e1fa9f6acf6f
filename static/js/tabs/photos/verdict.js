/**
 * What is thought of photos, in words.
 *
 * verdictOf(photo)      {kind: "good" | "warn" | "bad", text, reasons: [text], advice: [text]}
 * facesOf(photo)        for facePicture, in pixels of the stored picture
 * standingOf(photos)    {good, enough, plenty, alike}: against the recommendation of five to ten from different angles
 */
import { serverText } from "../../core/errors.js";
import { t } from "../../core/messages.js";

export const ENOUGH = 5;
export const PLENTY = 10;
/** From so many photos on it is told that all of them look the same way. */
const COMPARABLE = 3;
/** Degrees between the head turned furthest to one side and to the other. */
const ALIKE_DEGREES = 12;

const REASONS = {
  blurred: () => t("Blurred"),
  too_dark: () => t("Too dark"),
  too_bright: () => t("Too bright"),
  too_small: () => t("Too small"),
  turned_away: () => t("Turned away"),
  tilted: () => t("Tilted"),
};

export function verdictOf({ face, warnings }) {
  const advice = (warnings ?? []).map(serverText);
  if (!face?.detected) return { kind: "bad", text: t("No face"), reasons: [], advice };
  const reasons = (face.quality?.reasons ?? []).map((reason) => REASONS[reason]?.() ?? reason);
  if (reasons.length) return { kind: "warn", text: t("Could be better"), reasons, advice };
  // Nothing is wrong with this face, but there are others: the largest need not be who is meant.
  if (advice.length) return { kind: "warn", text: t("Check it"), reasons: [t("Several faces")], advice };
  return { kind: "good", text: t("Good"), reasons, advice };
}

export function facesOf(photo) {
  if (!photo.stored_face) return [];
  const { kind } = verdictOf(photo);
  return [{ ...photo.stored_face, kind: kind === "good" ? "good" : "warn" }];
}

export function standingOf(photos) {
  const good = photos.filter((photo) => verdictOf(photo).kind === "good");
  const yaws = good.map((photo) => photo.face.quality?.yaw ?? 0);
  const alike = good.length >= COMPARABLE && Math.max(...yaws) - Math.min(...yaws) < ALIKE_DEGREES;
  return { good: good.length, enough: good.length >= ENOUGH, plenty: good.length >= PLENTY, alike };
}
