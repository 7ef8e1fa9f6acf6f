/**
 * makeProgress(room) -> {update({done, total, rate, etaSeconds, unit}), share(value, text), waiting(text), hide()}
 *
 * room: macro progress_bar. update: a job's progress (total may be null: not known yet); share: a number from 0 to 1 (an
 * upload); waiting: something runs, nobody knows how far it is.
 */
import { t } from "./messages.js";
import { number, percent, seconds } from "./format.js";

export function makeProgress(room) {
  const bar = room.querySelector("[role=progressbar]");
  const fillBar = bar.querySelector(".progress-bar");
  const text = room.querySelector(".progress-text");

  function set(value, words) {
    room.hidden = false;
    bar.classList.toggle("is-waiting", value === null);
    if (value === null) {
      bar.removeAttribute("aria-valuenow");
      fillBar.style.width = "";
    } else {
      const whole = Math.round(Math.min(1, Math.max(0, value)) * 100);
      bar.setAttribute("aria-valuenow", String(whole));
      fillBar.style.width = `${whole}%`;
    }
    bar.setAttribute("aria-valuetext", words);
    text.textContent = words;
  }

  return {
    update({ done, total, rate = null, etaSeconds = null }) {
      if (total === null || total === undefined) return set(null, t("Getting ready …"));
      const parts = [t("{done} of {total} photos", { done: number(done), total: number(total) })];
      if (rate) parts.push(t("{rate} a second", { rate: number(rate, rate < 10 ? 1 : 0) }));
      if (etaSeconds !== null) parts.push(t("{time} left", { time: seconds(etaSeconds) }));
      return set(total ? done / total : 0, parts.join(" · "));
    },
    share(value, words = "") {
      set(value, words || percent(value, 0));
    },
    waiting(words = t("Working …")) {
      set(null, words);
    },
    hide() {
      room.hidden = true;
    },
  };
}
