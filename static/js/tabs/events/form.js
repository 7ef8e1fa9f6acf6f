/**
 * The form of an event, of a new one and of one that is changed.
 *
 * makeEventForm(form, {work}) -> {fill(event), clear(), dirty}
 *      work(values): async, sends {name, date, description, password}; password is null where none was given. Problems that
 *      it throws are shown at the fields or below them. dirty: whether something was typed that is not saved.
 * suggestPassword()   easy to tell and to type, hard to guess: "mapu-kilo-47"
 */
import { onSubmit } from "../../core/busy.js";
import { byId } from "../../core/dom.js";
import { clearFieldErrors, clearProblem, markField, showFieldErrors, showProblem } from "../../core/errors.js";
import { announce } from "../../core/announce.js";
import { t } from "../../core/messages.js";
import { makeReveal } from "../../core/password.js";

/** Without what is easily taken for another, by ear or by eye. */
const CONSONANTS = "bdgjkmnprst";
const VOWELS = "aiou";
const DIGITS = "23456789";
/** Words that nobody wants on an invitation. */
const UNFIT = new Set(["babi", "bodo", "kuso", "mati", "puki", "susu", "tipu", "titi"]);
const MIN_PASSWORD = 6;

export function makeEventForm(form, { work }) {
  const problem = byId(`${form.id}-problem`);
  const { name, date, description, password } = form.elements;
  const reveal = makeReveal(password, byId(`${password.id}-show`));
  let saved = "";

  form.querySelector("[data-password-suggest]").addEventListener("click", () => {
    password.value = suggestPassword();
    markField(password, "");
    reveal.show(true);
    announce(t("Suggested: {password}", { password: password.value }));
    password.focus();
  });
  form.addEventListener("input", ({ target }) => markField(target, ""));
  onSubmit(form, async () => {
    clearProblem(problem);
    clearFieldErrors(form);
    if (!isComplete()) return;
    try {
      await work({ name: name.value.trim(), date: date.value || null, description: description.value.trim(), password: password.value || null });
      saved = state();
    } catch (error) {
      if (!showFieldErrors(form, error)) showProblem(problem, error, { retry: () => form.requestSubmit() });
    }
  });

  function isComplete() {
    if (!name.value.trim()) markField(name, t("Give the event a name."));
    if (date.validity.badInput) markField(date, t("Write the whole date, or none."));
    if (password.required && !password.value) markField(password, t("Choose a password, or let one be suggested."));
    else if (password.value && password.value.length < MIN_PASSWORD) markField(password, t("At least {count} characters are needed.", { count: MIN_PASSWORD }));
    const first = form.querySelector(".is-invalid");
    first?.focus();
    return !first;
  }

  function state() {
    return JSON.stringify([name.value, date.value, description.value, password.value]);
  }

  return {
    fill(event) {
      name.value = event.name;
      date.value = event.date ?? "";
      description.value = event.description;
      password.value = "";
      this.settle();
    },
    clear() {
      form.reset();
      this.settle();
    },
    settle() {
      reveal.show(false);
      clearProblem(problem);
      clearFieldErrors(form);
      saved = state();
    },
    get dirty() {
      return state() !== saved;
    },
  };
}

export function suggestPassword() {
  return `${word()}-${word()}-${pick(DIGITS)}${pick(DIGITS)}`;
}

function word() {
  const made = `${syllable()}${syllable()}`;
  return UNFIT.has(made) ? word() : made;
}

function syllable() {
  return pick(CONSONANTS) + pick(VOWELS);
}

function pick(letters) {
  const limit = 256 - (256 % letters.length); // so that each letter is as likely as any other
  for (;;) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < limit) return letters[byte % letters.length];
  }
}
