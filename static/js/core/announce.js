/**
 * Telling what happened, to eyes and to screen readers.
 *
 * announce("3 photos found")             screen readers only: what everybody else sees anyway
 * announce("…", {urgent: true})          interrupts
 * notice("Saved", {kind: "success"})     a short notice in the corner, read out too; kind: success, info, danger
 */
import { byId, el, icon } from "./dom.js";
import { t } from "./messages.js";

const NOTICE_MS = 6000;
let turn = 0;

export function announce(text, { urgent = false } = {}) {
  const region = byId(urgent ? "live-urgent" : "live");
  // A region that gets the same text twice is silent the second time.
  turn += 1;
  region.textContent = text + (turn % 2 ? "\u00a0" : "");
}

export function notice(text, { kind = "success" } = {}) {
  const symbol =
    kind === "danger" ? icon("exclamation-octagon") : kind === "info" ? icon("info-circle") : icon("check-circle");
  const box = el("div", { class: `notice notice-${kind}` }, symbol, el("span", {}, text));
  const close = el("button", { class: "btn-close", type: "button", "aria-label": t("Close") });
  const remove = () => box.remove();
  close.addEventListener("click", remove);
  box.append(close);
  byId("notices").append(box);
  announce(text, { urgent: kind === "danger" });
  let timer = setTimeout(remove, NOTICE_MS);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => {
    timer = setTimeout(remove, NOTICE_MS);
  });
}
