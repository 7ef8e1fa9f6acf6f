/* The colour mode, before anything is drawn: a classic script, because modules run too late and the page would flash.
   What was chosen lies in localStorage as "theme": light, dark, or nothing for "as the device has it". */
(() => {
  "use strict";
  const device = window.matchMedia("(prefers-color-scheme: dark)");
  const read = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is switched off
    }
  };
  const apply = () => {
    const chosen = read();
    const known = chosen === "light" || chosen === "dark";
    document.documentElement.dataset.bsTheme = known ? chosen : device.matches ? "dark" : "light";
    document.documentElement.dataset.themeChoice = known ? chosen : "auto";
  };
  apply();
  device.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("kenali:theme", apply);
})();
