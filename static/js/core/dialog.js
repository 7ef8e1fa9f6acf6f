/**
 * Dialogs, on the browser's own <dialog>: focus stays inside, Escape closes, the focus goes back where it was.
 *
 * await confirm({title, text, ok: t("Delete"), danger: true})     -> true or false
 * await confirm({title, text, ok, danger, work})                  work() runs before it closes, with the button busy; a
 *                                                                 Problem it throws is shown inside -> true once it worked
 * await openDialog({title, body, ok, work, wide})                 the same with elements of your own; work(form) gets the
 *                                                                 form; field errors go beside the fields. body: Element
 * await openDialog({title, body, ok: null, cancel: t("Close")})   only to be looked at
 */
import { copy, el } from "./dom.js";
import { t } from "./messages.js";
import { busy } from "./busy.js";
import { clearFieldErrors, clearProblem, showFieldErrors, showProblem } from "./errors.js";

let count = 0;

export function confirm({ title, text, ok = t("OK"), danger = false, work = null }) {
  return openDialog({ title, body: el("p", {}, text), ok, danger, work });
}

export function openDialog({ title, body, ok = t("Save"), cancel = null, danger = false, work = null, wide = false }) {
  const dialog = copy("template-dialog");
  const form = dialog.querySelector("form");
  const heading = dialog.querySelector(".dialog-title");
  const room = dialog.querySelector(".problem-room");
  const button = dialog.querySelector('[data-answer="ok"]');
  count += 1;
  heading.id = `dialog-title-${count}`;
  heading.textContent = title;
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.classList.toggle("dialog-wide", wide);
  dialog.querySelector(".dialog-body").append(body);
  button.querySelector(".btn-text").textContent = ok;
  button.hidden = ok === null;
  if (cancel) dialog.querySelector('[data-answer="cancel"]').textContent = cancel;
  if (danger) button.classList.replace("btn-primary", "btn-danger");
  document.body.append(dialog);

  return new Promise((resolve) => {
    let answer = false;
    let working = false;
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.addEventListener("cancel", (event) => {
      if (working) event.preventDefault(); // it is happening: closing would only hide how it ends
    });
    dialog.querySelector('[data-answer="cancel"]').addEventListener("click", () => {
      if (!working) dialog.close();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      busy(button, async () => {
        clearProblem(room);
        clearFieldErrors(form);
        try {
          working = true;
          await work?.(form);
        } catch (error) {
          if (!showFieldErrors(form, error)) showProblem(room, error, { retry: () => form.requestSubmit() });
          return;
        } finally {
          working = false;
        }
        answer = true;
        dialog.close();
      });
    });
    dialog.showModal();
    // What is asked is answered with the safe button first, what is to be filled in with its first field.
    // What is only looked at starts at the top: its button may be far below.
    const first = ok === null ? heading : form.querySelector("input:not([type=hidden]), select, textarea");
    heading.tabIndex = -1;
    (first ?? dialog.querySelector('[data-answer="cancel"]')).focus();
  });
}
