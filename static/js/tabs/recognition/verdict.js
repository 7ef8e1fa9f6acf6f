/**
 * What an answer means, in words.
 *
 * verdictOf(data)                       of POST /api/face/predict -> {kind, title, text, label}: label is short, for the box
 * tooPoor(reasons)                      "Too blurred: come closer" for the reasons of a face's quality
 */
import { percentOf100, similarity } from "../../core/format.js";
import { t } from "../../core/messages.js";

const POOR = {
  too_small: () => t("Too small: come closer"),
  blurred: () => t("Too blurred: come closer and hold still"),
  too_dark: () => t("Too dark: turn towards the light"),
  too_bright: () => t("Too bright: step out of the glaring light"),
  turned_away: () => t("Turned away: look into the camera"),
  tilted: () => t("Tilted: hold your head upright"),
};

export function tooPoor(reasons) {
  // A face that is small is blurred by being small: coming closer helps against both.
  const first = Object.keys(POOR).find((reason) => reasons.includes(reason));
  return first ? POOR[first]() : t("Not good enough: take another picture");
}

export function verdictOf(data) {
  const [best, second] = data.all_predictions;
  if (!best) {
    return { kind: "warn", title: t("Nobody is trained yet"), text: t("There is nobody to compare this face with."), label: t("Nobody to compare with") };
  }
  const values = { name: best.name, value: similarity(best.similarity), needed: similarity(data.threshold) };
  switch (data.decision) {
    case "match":
      return {
        kind: "good",
        title: t("This is {name}", { name: data.name }),
        text: t("Confidence {share}.", { share: percentOf100(data.confidence, 2) }),
        label: data.name,
      };
    case "ambiguous":
      return {
        kind: "warn",
        title: t("Not clear: two people are close"),
        text: t("{one} and {other} are similar to this face alike. Take another picture, from the front and in good light.", { one: best.name, other: second?.name ?? "" }),
        label: t("Not clear"),
      };
    case "low_quality":
      return {
        kind: "bad",
        title: tooPoor(data.face?.quality?.reasons ?? []),
        text: t("Nobody is similar enough, but this picture is too poor to say more. Most similar: {name}, {value} of {needed} needed.", values),
        label: t("Too poor to tell"),
      };
    default:
      return {
        kind: "bad",
        title: t("Not known"),
        text: t("Nobody in the face database is similar enough. Most similar: {name}, {value} of {needed} needed.", values),
        label: t("Not known"),
      };
  }
}
