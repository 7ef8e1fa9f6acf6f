/**
 * Users of the API, for whoever has to show or to choose one.
 *
 * findUsers({q, page, perPage, signal}) -> {data: [user], total}   a person without the right to see everybody finds
 *                                       themselves alone
 * getUser(id, {signal})                 -> user
 * getTraining(ids, {signal})            -> Map: user id -> {photos, embeddings, missing, without_face, due}
 * seesEverybody()                       whether the visitor may see, and make, other users
 * avatar(user)                          initials, for the eye only
 * makeUserPicker(element, {onPick}) -> {user, set(user or null), focus(), settled()}
 *      element: macro user_picker, a search field with suggestions. onPick(user) when one is chosen; set shows one
 *      without calling it. Who is typed and not chosen counts as chosen when the field is left, if it can be one person
 *      only. A form waits for that: await settled() -> {user, typed: what was typed and fits nobody or several, or ""}.
 */
import { get, isAbort, path } from "./api.js";
import { announce } from "./announce.js";
import { config } from "./config.js";
import { el, fill } from "./dom.js";
import { problemText } from "./errors.js";
import { t, tn } from "./messages.js";
import { session } from "./session.js";

const WAIT_MS = 200;
const SUGGESTIONS = 20;

export function seesEverybody() {
  return config.access !== "token" || session.account?.role !== "user";
}

export async function findUsers({ q = "", page = 1, perPage = 50, signal } = {}) {
  if (seesEverybody()) return get("/api/users", { query: { q, page, per_page: perPage }, signal });
  const user = await getUser(session.account.user_id, { signal });
  const fits = [user.name, user.email, String(user.id)].some((text) => text.toLowerCase().includes(q.toLowerCase()));
  return { data: fits ? [user] : [], total: fits ? 1 : 0 };
}

export async function getUser(id, { signal } = {}) {
  return (await get(path`/api/users/${id}`, { signal })).data;
}

export async function getTraining(ids, { signal } = {}) {
  if (!ids.length) return new Map();
  const query = { user_id: ids.join(","), per_page: 200 };
  const { data } = await get("/api/training/status", { query, signal });
  return new Map(data.users.map((standing) => [standing.user_id, standing]));
}

export function avatar(user) {
  const words = user.name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...word][0] ?? "");
  return el("span", { class: "avatar", "aria-hidden": "true" }, letters.join("").toUpperCase());
}

export function makeUserPicker(element, { onPick }) {
  const input = element.querySelector("input");
  const popup = element.querySelector(".user-picker-popup");
  const list = element.querySelector("[role=listbox]");
  const foot = element.querySelector(".user-picker-foot");
  const picker = { user: null, set, focus: () => input.focus(), settled: () => settling };
  let settling = Promise.resolve({ user: null, typed: "" });
  let found = [];
  let active = -1;
  let typed = false; // since the list was opened: before that the name in the field is no search
  let stale = true; // what is shown is not what the field asks for
  let hurried = false; // Enter came before the answer
  let timer = null;
  let request = new AbortController();

  function set(user) {
    picker.user = user;
    input.value = user?.name ?? "";
    if (document.activeElement === input) input.select(); // what is typed next asks for somebody else
    settling = Promise.resolve({ user, typed: "" });
    close();
  }

  /** The field is left. */
  function settle() {
    const text = input.value.trim();
    if (popup.hidden) return;
    if (!typed || !text) return set(picker.user);
    close();
    settling = decide(text);
  }

  async function decide(text) {
    const one = await only(text).catch(() => null);
    if (document.activeElement === input || input.value.trim() !== text) return { user: picker.user, typed: "" };
    if (!one) {
      set(picker.user);
      return { user: picker.user, typed: text };
    }
    pick(one);
    return { user: one, typed: "" };
  }

  async function only(text) {
    if (/^\d+$/.test(text)) {
      const user = await getUser(text).catch(() => null);
      if (user) return user;
    }
    const { data, total } = await findUsers({ q: text, perPage: SUGGESTIONS });
    return total === 1 ? data[0] : data.find((user) => user.email.toLowerCase() === text.toLowerCase());
  }

  function open() {
    if (!popup.hidden) return;
    popup.hidden = false;
    input.setAttribute("aria-expanded", "true");
    typed = false;
    stale = true;
    search();
  }

  function openAll() {
    if (!popup.hidden) return;
    open();
    input.select();
  }

  function close() {
    hurried = false;
    clearTimeout(timer);
    request.abort();
    popup.hidden = true;
    input.setAttribute("aria-expanded", "false");
    activate(-1);
  }

  async function search() {
    request.abort();
    request = new AbortController();
    const { signal } = request;
    if (!found.length) {
      foot.hidden = false;
      foot.textContent = t("Loading …");
    }
    try {
      const q = typed ? input.value.trim() : "";
      const { data, total } = await findUsers({ q, perPage: SUGGESTIONS, signal });
      // Whoever types an id means that one, and it may be beyond the first page.
      const meant = /^\d+$/.test(q) ? (data.find(({ id }) => String(id) === q) ?? (await getUser(q, { signal }).catch(() => null))) : null;
      if (signal.aborted) return;
      stale = false;
      found = meant ? [meant, ...data.filter(({ id }) => id !== meant.id)] : data;
      if (hurried && found.length) return pick(found[0]);
      hurried = false;
      fill(list, found.map(option));
      activate(typed && q && found.length ? 0 : -1);
      foot.textContent = words(found.length, total);
      foot.hidden = !foot.textContent;
      announce(tn("{count} user found", "{count} users found", total));
    } catch (error) {
      if (isAbort(error)) return;
      hurried = false;
      found = [];
      fill(list);
      foot.hidden = false;
      foot.textContent = problemText(error);
      announce(problemText(error), { urgent: true });
    }
  }

  function words(shown, total) {
    if (!total) return typed && input.value.trim() ? t("Nobody matches.") : t("There are no users yet.");
    return shown < total ? t("{shown} of {total}: type to find the others", { shown, total }) : "";
  }

  function option(user, index) {
    return el(
      "li",
      {
        class: "user-picker-option",
        role: "option",
        id: `${element.id}-option-${index}`,
        "aria-selected": String(user.id === picker.user?.id),
        onmousedown: (event) => event.preventDefault(), // the focus stays in the field
        onclick: () => pick(user),
      },
      avatar(user),
      el(
        "span",
        { class: "user-picker-words" },
        el("span", { class: "user-picker-name" }, user.name),
        el("span", { class: "user-picker-detail" }, t("ID {id}", { id: String(user.id) }), ` · ${user.email}`),
      ),
    );
  }

  function activate(index) {
    list.querySelector(".is-active")?.classList.remove("is-active");
    active = index;
    const element = list.children[index];
    if (!element) return input.removeAttribute("aria-activedescendant");
    element.classList.add("is-active");
    element.scrollIntoView({ block: "nearest" });
    return input.setAttribute("aria-activedescendant", element.id);
  }

  function pick(user) {
    set(user);
    onPick(user);
  }

  // The browser would place the caret after this and let go of the selection: what is typed at once has to replace the
  // name. A second click, with the list open, does place it.
  input.addEventListener("mousedown", (event) => {
    if (event.button || !popup.hidden) return;
    event.preventDefault();
    input.focus();
    openAll();
  });
  input.addEventListener("click", openAll); // by a screen reader there is no mousedown
  input.addEventListener("input", () => {
    open();
    typed = true;
    stale = true;
    hurried = false;
    activate(-1);
    clearTimeout(timer);
    request.abort(); // an answer to what was asked before must not be picked by a quick Enter
    timer = setTimeout(search, WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (popup.hidden) openAll();
      else if (found.length) activate((active + (key === "ArrowDown" ? 1 : active < 0 ? 0 : -1) + found.length) % found.length);
    } else if (key === "Enter" && !popup.hidden) {
      event.preventDefault();
      if (stale) hurried = typed;
      else if (found[active]) pick(found[active]);
      else if (found.length === 1) pick(found[0]);
    } else if (key === "Escape" && !popup.hidden) {
      event.preventDefault();
      set(picker.user);
    }
  });
  input.addEventListener("blur", settle);
  element.querySelector(".user-picker-toggle").addEventListener("mousedown", (event) => {
    event.preventDefault();
    if (popup.hidden) {
      input.focus();
      openAll();
    } else set(picker.user);
  });
  return picker;
}
