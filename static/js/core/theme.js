/**
 * The colour mode switch: as the device has it, light, dark. theme.js one folder up applies the choice before anything
 * is drawn.
 *
 * startThemeSwitch(button)   main.js does
 */
import { byId } from "./dom.js";
import { t } from "./messages.js";
import { announce } from "./announce.js";

const ORDER = ["auto", "light", "dark"];

export function startThemeSwitch(button) {
  button.hidden = false;
  describe(button);
  button.addEventListener("click", () => {
    const choice = document.documentElement.dataset.themeChoice;
    const next = ORDER[(ORDER.indexOf(choice) + 1) % ORDER.length];
    try {
      if (next === "auto") localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch {
      return; // nothing can be remembered here
    }
    document.dispatchEvent(new Event("kenali:theme"));
    describe(button);
    announce(names()[next]);
  });
}

function describe(button) {
  const name = names()[document.documentElement.dataset.themeChoice];
  byId("theme-name").textContent = name;
  button.title = name;
}

function names() {
  return {
    auto: t("Colours: as the device has them"),
    light: t("Colours: light"),
    dark: t("Colours: dark"),
  };
}
