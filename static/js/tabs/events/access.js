/**
 * Whether an event is open to the visitor, and opening it.
 *
 * isClosed(error)              whether the API says that the event has to be opened (again)
 * openEvent(id, password)      opens it; throws the Problem of the API
 * opened(id, work)             runs work(); if the event is closed by then, asks for its password in a dialog, above
 *                              whatever the guest looks at, and runs it again. Who gives up gets the Problem.
 * whyClosed(error)             a sentence for the guest
 * keepPhotos(id, imageIds)     bookmarks photos of one event, asking for its password where needed -> as the API answers
 */
import { Problem, get, path, post } from "../../core/api.js";
import { openDialog } from "../../core/dialog.js";
import { el } from "../../core/dom.js";
import { forgetToken, keepToken, tokenHeaders } from "../../core/event_tokens.js";
import { t } from "../../core/messages.js";

const CODES = new Set(["event_token_expired", "event_token_invalid", "event_access_required"]);
const asking = new Map(); // event id -> promise of a dialog that is open
let count = 0;

export function isClosed(error) {
  return error instanceof Problem && CODES.has(error.code);
}

export function whyClosed(error) {
  if (error.code === "event_token_expired") return t("Two hours are over: enter the password once more, and you go on where you were.");
  if (error.code === "event_token_invalid") return t("The password of this event has been changed: enter the new one, and you go on where you were.");
  return t("Enter the password of the event, and you go on where you were.");
}

export async function openEvent(id, password) {
  const { data } = await post(path`/api/events/${id}/access`, { password });
  keepToken(id, data.event_access_token, data.expires_at);
}

export async function opened(id, work) {
  try {
    return await work();
  } catch (error) {
    if (!isClosed(error)) throw error;
    forgetToken(id);
    if (!asking.has(id)) asking.set(id, ask(id, error).finally(() => asking.delete(id)));
    if (!(await asking.get(id))) throw error;
    return work();
  }
}

export function keepPhotos(id, imageIds) {
  return opened(id, async () => {
    const headers = tokenHeaders(id);
    try {
      return (await post("/api/fotota", { image_ids: imageIds }, { headers })).data;
    } catch (error) {
      // Bookmarks are of many events, so the API does not say why it knows of no such photo: is the event closed?
      if (error instanceof Problem && error.status === 404) await get(path`/api/events/${id}/hide-me`, { headers });
      throw error;
    }
  });
}

function ask(id, error) {
  count += 1;
  const inputId = `events-again-${count}-password`;
  const input = el("input", {
    class: "form-control",
    id: inputId,
    name: "password",
    type: "text",
    required: true,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": `${inputId}-error`,
  });
  const body = el(
    "div",
    { class: "stack" },
    el("p", { class: "mb-0" }, whyClosed(error)),
    el(
      "div",
      { class: "field" },
      el("label", { class: "form-label", for: inputId }, t("Password of the event")),
      input,
      el("div", { class: "invalid-feedback", id: `${inputId}-error` }),
    ),
  );
  return openDialog({ title: t("Open the event again"), body, ok: t("Open"), work: () => openEvent(id, input.value) });
}
