/**
 * The answer to a question, in a banner above what explains it.
 *
 * verdict(kind, title, text, symbol)    kind: "good", "warn", "bad", or "plain" for what is neither; symbol: an icon of
 *                                       its own instead of the kind's
 */
import { el, icon } from "./dom.js";

const SYMBOLS = {
  good: () => icon("check-circle-fill"),
  warn: () => icon("question-circle-fill"),
  bad: () => icon("x-circle-fill"),
  plain: () => icon("info-circle"),
};

export function verdict(kind, title, text = "", symbol = null) {
  return el(
    "div",
    { class: `verdict verdict-${kind}` },
    symbol ?? SYMBOLS[kind](),
    el("div", {}, el("h4", { class: "verdict-title", tabindex: "-1" }, title), text && el("p", {}, text)),
  );
}
