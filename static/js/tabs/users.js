/* The tab "users": GET, POST, PUT and DELETE of /api/users; how everybody stands is from /api/training/status. */
import { announce, notice } from "../core/announce.js";
import { Problem, del, path, post, put } from "../core/api.js";
import { openDialog } from "../core/dialog.js";
import { byId, copy, el, fill, icon, on, showState } from "../core/dom.js";
import { clearProblem, showProblem } from "../core/errors.js";
import { number } from "../core/format.js";
import { t, tn } from "../core/messages.js";
import { makePager } from "../core/pager.js";
import { makeReveal } from "../core/password.js";
import { avatar, findUsers, getTraining, seesEverybody } from "../core/people.js";
import { replaceQuery } from "../core/router.js";
import { letGo, session } from "../core/session.js";

const PER_PAGE = 25;
const WAIT_MS = 300;
const AFTER_THE_LAST = 9_999_999;

const view = { q: "", page: 1, total: 0, users: new Map(), standing: new Map(), marked: null };
let pager;
let timer = null;
let requests = new AbortController();

export function setUp(panel) {
  pager = makePager(byId("users-table-pager"), {
    perPage: PER_PAGE,
    onPage: async (page) => {
      await look({ page });
      byId("users-tools").scrollIntoView({ block: "nearest" });
    },
  });
  const search = byId("users-search");
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => look({ q: search.value.trim(), page: 1 }), WAIT_MS);
  });
  byId("users-clear").addEventListener("click", () => {
    search.value = "";
    look({ q: "", page: 1 });
    search.focus();
  });
  for (const id of ["users-create", "users-create-first"]) byId(id).addEventListener("click", create);
  on(panel, "click", "[data-edit]", (_, button) => edit(view.users.get(button.dataset.edit)));
  on(panel, "click", "[data-delete]", (_, button) => remove(view.users.get(button.dataset.delete)));
}

export function show({ query }) {
  view.q = (query.get("q") ?? "").trim();
  view.page = pageOf(query.get("page"));
  const search = byId("users-search");
  if (search.value.trim() !== view.q) search.value = view.q;
  const everybody = seesEverybody();
  byId("users-create").hidden = !everybody;
  byId("users-create-first").hidden = !everybody;
  byId("users-own").hidden = everybody;
  return load();
}

export function hide() {
  clearTimeout(timer);
  requests.abort();
}

function pageOf(text) {
  return /^[1-9]\d{0,6}$/.test(text ?? "") ? Number(text) : 1;
}

function look({ q = view.q, page }) {
  clearTimeout(timer);
  Object.assign(view, { q, page });
  replaceQuery({ q, page: page === 1 ? null : page });
  return load();
}

async function load() {
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  const body = byId("users-body");
  const problem = byId("users-problem");
  if (!body.dataset.shown || body.dataset.shown === "error") showState(body, "loading");
  body.setAttribute("aria-busy", "true");
  try {
    const { q, page } = view;
    const { data, total } = await findUsers({ q, page, perPage: PER_PAGE, signal });
    if (!data.length && page > 1 && total) return await look({ page: Math.ceil(total / PER_PAGE) }); // the last one shrank
    let standing = null;
    let trouble = null;
    try {
      standing = await getTraining(data.map((user) => user.id), { signal });
    } catch (error) {
      trouble = error; // the people are shown all the same
    }
    if (signal.aborted) return undefined;
    Object.assign(view, { total, users: new Map(data.map((user) => [String(user.id), user])), standing });
    draw(data);
    if (trouble) showProblem(problem, trouble, { retry: load });
    else clearProblem(problem);
  } catch (error) {
    if (signal.aborted) return undefined;
    if (body.dataset.shown === "loading") showState(body, "error");
    showProblem(problem, error, { retry: load });
  }
  body.removeAttribute("aria-busy");
  return undefined;
}

function draw(users) {
  const { total, q, page } = view;
  fill(byId("users-table-rows"), users.map(row));
  byId("users-table").hidden = !users.length;
  pager.update({ page, total });
  const count = q ? tn("{count} user found", "{count} users found", total) : tn("{count} user", "{count} users", total);
  byId("users-count").textContent = count;
  showState(byId("users-body"), users.length ? "filled" : q ? "nobody" : "empty");
  byId("users-tools").hidden ||= !seesEverybody();
  announce(users.length ? count : t("Nobody matches."));
}

function row(user) {
  const standing = view.standing ? (view.standing.get(user.id) ?? { photos: 0, embeddings: 0, missing: 0, without_face: 0, due: false }) : null;
  const cell = (name, label, attributes, ...content) =>
    el("td", { ...attributes, class: `users-${name} ${attributes.class ?? ""}`, dataset: { label } }, ...content);
  return el(
    "tr",
    { class: user.id === view.marked ? "users-marked" : null, dataset: { user: user.id } },
    cell("id", t("ID"), { class: "num" }, String(user.id)),
    el(
      "th",
      { scope: "row", class: "users-name" },
      el("span", { class: "users-person" }, avatar(user), el("span", { class: "users-words" }, user.name), user.role === "admin" && el("span", { class: "tag" }, t("Admin"))),
    ),
    cell("email", t("Email"), {}, user.email),
    cell("photos", t("Photos"), { class: "num" }, standing ? number(standing.photos) : "–"),
    cell("embeddings", t("Embeddings"), { class: "num" }, standing ? number(standing.embeddings) : "–"),
    cell("training", t("Training"), {}, standing ? training(user, standing) : "–"),
    el("td", { class: "users-actions" }, el("div", { class: "users-buttons" }, actions(user))),
  );
}

/** Whether training is due, as a word, and as a way to do it. */
function training(user, { photos, embeddings, missing, without_face, due }) {
  if (due) {
    return el(
      "a",
      { class: "tag tag-warn users-due", href: `/build?user=${user.id}`, dataset: { tabLink: "build" }, title: t("Train {name} now", { name: user.name }) },
      icon("arrow-repeat"),
      embeddings ? tn("{count} photo to train", "{count} photos to train", missing - without_face) : t("Training due"),
    );
  }
  if (embeddings) return el("span", { class: "tag tag-good" }, icon("check-lg"), t("Trained"));
  if (photos) return el("span", { class: "tag tag-bad" }, t("No face found"));
  return el("span", { class: "tag" }, t("No photos yet"));
}

function actions(user) {
  const { id, name } = user;
  const inside = (symbol, words) => [symbol, el("span", { class: "users-button-text" }, words)];
  const button = (attributes, ...content) => el("button", { class: "btn btn-outline-secondary btn-icon", type: "button", ...attributes }, ...content);
  return [
    el(
      "a",
      { class: "btn btn-outline-secondary btn-icon", href: `/photos?user=${id}`, dataset: { tabLink: "photos" }, "aria-label": t("Photos of {name}", { name }), title: t("Photos of {name}", { name }) },
      ...inside(icon("images"), t("Photos")),
    ),
    button({ dataset: { edit: id }, "aria-label": t("Edit {name}", { name }), title: t("Edit {name}", { name }) }, ...inside(icon("pencil"), t("Edit"))),
    button({ dataset: { delete: id }, "aria-label": t("Delete {name}", { name }), title: t("Delete {name}", { name }) }, ...inside(icon("trash"), t("Delete"))),
  ];
}

// --- create and edit

function formBody(user = null) {
  const body = copy("users-template-form");
  const input = (name) => body.querySelector(`[name=${name}]`);
  input("name").value = user?.name ?? "";
  input("email").value = user?.email ?? "";
  body.querySelector("#users-form-password-hint").textContent = user
    ? t("Leave it empty to keep the present one. A new password signs the person out everywhere.")
    : t("Only needed to sign in with a password: at least 6 characters.");
  makeReveal(input("password"), body.querySelector("#users-form-password-show"));
  return body;
}

const value = (form, name) => form.elements.namedItem(name).value;

async function create() {
  let user = null;
  const work = async (form) => {
    const body = { name: value(form, "name"), email: value(form, "email") };
    if (value(form, "password")) body.password = value(form, "password");
    user = (await post("/api/users", body)).data;
  };
  if (!(await openDialog({ title: t("Create User"), body: formBody(), ok: t("Submit"), work }))) return;
  view.marked = user.id;
  tellCreated(user);
  byId("users-search").value = "";
  // Sorted by id: who is new is on the last page, and a page after it leads there.
  await look({ q: "", page: view.q ? AFTER_THE_LAST : Math.ceil((view.total + 1) / PER_PAGE) });
}

/** The new ID, to be noted, and what comes next. */
function tellCreated(user) {
  const room = byId("users-created");
  const close = el("button", { class: "btn-close", type: "button", "aria-label": t("Close") });
  close.addEventListener("click", () => {
    room.hidden = true;
    byId("heading-users").focus();
  });
  const next = el("a", { class: "btn btn-primary", href: `/photos?user=${user.id}`, dataset: { tabLink: "photos" } }, icon("images"), t("Add photos"));
  const another = el("button", { class: "btn btn-outline-secondary", type: "button", onclick: create }, icon("person-plus"), t("Create another"));
  fill(
    room,
    el("div", { class: "users-created-id" }, el("span", { class: "users-created-label" }, t("ID")), el("strong", {}, String(user.id))),
    el(
      "div",
      { class: "users-created-words" },
      el("p", { class: "users-created-title" }, t("{name} was created", { name: user.name })),
      el("p", {}, t("Note the ID: the API and the other tabs use it. Next, add five to ten photos.")),
    ),
    el("div", { class: "users-created-actions" }, next, another),
    close,
  );
  room.dataset.user = user.id;
  room.hidden = false;
  announce(t("{name} was created with the ID {id}.", { name: user.name, id: String(user.id) }));
  next.focus();
}

async function edit(user) {
  const work = async (form) => {
    const change = {};
    if (value(form, "name") !== user.name) change.name = value(form, "name");
    if (value(form, "email") !== user.email) change.email = value(form, "email");
    if (value(form, "password")) change.password = value(form, "password");
    await put(path`/api/users/${user.id}`, change);
  };
  if (!(await openDialog({ title: t("Edit {name}", { name: user.name }), body: formBody(user), ok: t("Save"), work }))) return;
  notice(t("Saved."));
  await load();
  byId("users-table-rows").querySelector(`[data-edit="${user.id}"]`)?.focus();
}

// --- delete

async function remove(user) {
  const standing = view.standing?.get(user.id);
  const own = session.signedIn && session.account?.user_id === user.id;
  const goes = [
    standing?.photos ? tn("{count} photo", "{count} photos", standing.photos) : null,
    standing?.embeddings ? tn("{count} embedding: the face is not recognised any more", "{count} embeddings: the face is not recognised any more", standing.embeddings) : null,
    t("the folder dataset/{id}", { id: String(user.id) }),
    t("password and sign-ins"),
  ];
  const body = el(
    "div",
    {},
    el("p", {}, t("Deleting {name} ({email}, ID {id}) also deletes:", { name: user.name, email: user.email, id: String(user.id) })),
    el("ul", { class: "users-goes" }, goes.filter(Boolean).map((text) => el("li", {}, text))),
    own && el("p", {}, t("This is your own account: you are signed out.")),
    el("p", {}, t("There is no way back.")),
  );
  const work = async () => {
    try {
      await del(path`/api/users/${user.id}`);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "user_not_found") throw error; // somebody else was faster
    }
  };
  if (!(await openDialog({ title: t("Delete {name}?", { name: user.name }), body, ok: t("Delete"), danger: true, work }))) return;
  const created = byId("users-created");
  if (created.dataset.user === String(user.id)) created.hidden = true;
  notice(t("{name} was deleted.", { name: user.name }));
  if (own) letGo(); // the session went with the account
  else await load();
  byId("heading-users").focus({ preventScroll: true });
}
