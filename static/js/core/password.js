/**
 * makeReveal(input, button) -> {show(whether)}      a button beside a password field (macro password_field, or one like it)
 *                                                  that shows what is typed
 */
import { el, fill, icon } from "./dom.js";
import { t } from "./messages.js";

export function makeReveal(input, button) {
  function show(shown) {
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    fill(button, shown ? icon("eye-slash") : icon("eye"), el("span", {}, shown ? t("Hide") : t("Show")));
  }

  button.addEventListener("click", () => show(input.type === "password"));
  return { show };
}
