/**
 * Choosing several photos and doing something with them: a bar at the bottom of the screen while it lasts.
 *
 * makeSelection(room, {galleries, loadAll, actions, onEnd}) -> {start(), stop(), update(), active}
 *      room: an empty element at the end of what is chosen from; the bar sticks to the bottom of the screen.
 *      galleries: function that answers the galleries (gallery.js) to choose from. loadAll: async, loads those that are
 *      not there yet, before all are chosen. actions: [{label, icon: () => Element, kind: "primary", work: async (items)
 *      => true when choosing is over, shown: () => whether it is offered}]. onEnd(): it has ended.
 *      update(): to be called by the galleries' onSelection
 */
import { busy } from "../../core/busy.js";
import { isAbort } from "../../core/api.js";
import { el, fill, icon } from "../../core/dom.js";
import { clearProblem, showProblem } from "../../core/errors.js";
import { t, tn } from "../../core/messages.js";

export function makeSelection(room, { galleries, loadAll = async () => {}, actions, onEnd = () => {} }) {
  const words = el("p", { class: "events-choice-count", role: "status" });
  const problem = el("div", { class: "problem-room" });
  const all = el("button", { class: "btn btn-sm btn-outline-secondary", type: "button" }, t("Choose all"));
  const done = el("button", { class: "btn btn-icon btn-sm btn-outline-secondary", type: "button", "aria-label": t("End choosing"), title: t("End choosing"), onclick: () => stop() }, icon("x-lg"));
  const offered = new Map(); // button -> whether it is
  const buttons = actions.map(({ label, icon: symbol, kind = "outline-secondary", work, shown = () => true }) => {
    const button = el(
      "button",
      { class: `btn btn-${kind}`, type: "button" },
      symbol(),
      el("span", { class: "btn-text" }, label),
      el("span", { class: "spinner", "aria-hidden": "true" }),
    );
    button.addEventListener("click", () => run(button, work));
    offered.set(button, shown);
    return button;
  });
  const bar = el(
    "div",
    { class: "events-choice", role: "region", "aria-label": t("Chosen photos") },
    problem,
    el("div", { class: "events-choice-row" }, done, words, all),
    el("div", { class: "events-choice-actions" }, buttons),
  );
  const selection = { active: false, start, stop, update };

  all.addEventListener("click", () =>
    busy(all, async () => {
      if (isAll()) {
        for (const gallery of galleries()) gallery.selectNone();
        return;
      }
      clearProblem(problem);
      try {
        await loadAll();
      } catch (error) {
        if (!isAbort(error)) showProblem(problem, error);
        return;
      }
      for (const gallery of galleries()) gallery.selectAll();
    }),
  );

  function chosen() {
    return galleries().flatMap((gallery) => gallery.items.filter(({ id }) => gallery.selected.has(id)));
  }

  function isAll() {
    return galleries().every((gallery) => gallery.selected.size === gallery.items.length);
  }

  async function run(button, work) {
    clearProblem(problem);
    await busy(button, async () => {
      try {
        if (await work(chosen())) stop();
      } catch (error) {
        if (!isAbort(error)) showProblem(problem, error, { retry: () => run(button, work) });
      }
    });
    update(); // busy has switched it on again
  }

  function start() {
    selection.active = true;
    for (const gallery of galleries()) gallery.select(true);
    for (const button of buttons) button.hidden = !offered.get(button)();
    fill(room, bar);
    clearProblem(problem);
    document.documentElement.classList.add("has-events-choice");
    update();
  }

  function stop() {
    if (!selection.active) return;
    selection.active = false;
    for (const gallery of galleries()) gallery.select(false);
    fill(room);
    document.documentElement.classList.remove("has-events-choice");
    onEnd();
  }

  function update() {
    if (!selection.active) return;
    const count = chosen().length;
    words.textContent = count ? tn("{count} photo chosen", "{count} photos chosen", count) : t("Tap the photos");
    all.textContent = count && isAll() ? t("Choose none") : t("Choose all");
    for (const button of buttons) button.disabled = !count || button.classList.contains("is-busy");
  }

  return selection;
}
