/* The tab "verification": POST /api/auth/login-face-verify. Who matches is signed in, unless somebody else is signed in
   already: then the change is offered, for it would take away what that other person may do. */
import { Problem, get, isAbort, upload } from "../core/api.js";
import { announce } from "../core/announce.js";
import { busy, onSubmit } from "../core/busy.js";
import { config } from "../core/config.js";
import { byId, el, fill, icon, showState } from "../core/dom.js";
import { clearFieldErrors, clearProblem, markField, problemText, showFieldErrors, showProblem } from "../core/errors.js";
import { percentOf100, similarity } from "../core/format.js";
import { send } from "../core/http.js";
import { t } from "../core/messages.js";
import { makeSourcePicker } from "../core/picker.js";
import { facePicture, releasePictures } from "../core/picture.js";
import { adopt, session, signOut } from "../core/session.js";
import { verdict } from "../core/verdict.js";
import { similarityScale } from "./recognition/scale.js";

let picker;
let file = null;
let source = "file";
let requests = new AbortController();
let offered = null; // the session of a match that nobody has decided about
let changing = false; // from one person to another: what is shown stays

export function setUp() {
  picker = makeSourcePicker(byId("verification-source"), { onFiles: ([chosen], origin) => choose(chosen, origin.source) });
  byId("verification-another").addEventListener("click", () => {
    chooseAgain();
    byId("verification-source").querySelector("[aria-pressed=true]").focus();
  });
  onSubmit(byId("verification-form"), verify);
  byId("verification-form-email").addEventListener("input", (event) => markField(event.target, ""));
  showState(byId("verification-answer"), "empty");
}

export function show({ query, why }) {
  showState(byId("verification-body"), config.faceLogin ? "on" : "off");
  showAccount();
  // Whoever comes next need not see who was here.
  if (why === "session" && !session.signedIn && !changing) forget();
  const wanted = query.get("user") ?? query.get("email");
  if (wanted && why === "navigation") byId("verification-form-email").value = wanted;
}

export function hide() {
  requests.abort();
  picker.stop();
  refuse();
}

function forget() {
  clearAnswer();
  showState(byId("verification-answer"), "empty");
  dropPicture();
}

// --- the picture

function choose(chosen, origin) {
  file = chosen;
  source = origin;
  // The camera has done its work.
  picker.stop();
  complainAboutFile("");
  preview([]);
  byId("verification-choose").hidden = true;
  byId("verification-chosen").hidden = false;
  byId("verification-start").focus({ preventScroll: true });
  announce(t("The picture is ready to be verified."));
}

function dropPicture() {
  file = null;
  releasePictures(byId("verification-preview"));
  fill(byId("verification-preview"));
  byId("verification-chosen").hidden = true;
  byId("verification-choose").hidden = false;
  picker.reset();
}

function chooseAgain() {
  dropPicture();
  picker.show(source);
}

function complainAboutFile(text) {
  const room = byId("verification-file-error");
  room.textContent = text;
  room.classList.toggle("d-block", Boolean(text));
}

// --- who it is

/** An address, or the number of a user. */
function named() {
  const text = byId("verification-form-email").value.trim();
  return /^\d+$/.test(text) ? { user_id: text } : { email: text };
}

async function verify() {
  const form = byId("verification-form");
  const answer = byId("verification-answer");
  clearFieldErrors(form);
  complainAboutFile("");
  if (!check(form)) return;
  requests.abort();
  requests = new AbortController();
  const { signal } = requests;
  refuse();
  clearAnswer();
  const picture = file;
  try {
    const { data } = (await upload("/api/auth/login-face-verify", { ...named(), file: picture }, { signal })).data;
    await showMatch(data);
    showState(answer, "filled");
    reveal();
    await Promise.all([showScale(data), showFace(picture, "good", data.name)]);
  } catch (error) {
    if (isAbort(error)) return;
    await showFailure(error, picture);
  }
}

function check(form) {
  const input = byId("verification-form-email");
  const missing = !input.value.trim();
  if (missing) {
    markField(input, t("Say who you are: your email address, or your ID."));
    input.focus();
  }
  if (!file) {
    complainAboutFile(t("Choose a picture of your face, or take one."));
    if (!missing) byId("verification-source").querySelector("[aria-pressed=true]").focus();
  }
  if (!missing && file) return true;
  announce(form.querySelector(".is-invalid ~ .invalid-feedback")?.textContent || byId("verification-file-error").textContent, { urgent: true });
  return false;
}

async function showFailure(error, picture) {
  const form = byId("verification-form");
  if (error instanceof Problem && error.errors.user_id) error.errors = { ...error.errors, email: error.errors.email ?? error.errors.user_id };
  delete error.errors?.user_id;
  if (error instanceof Problem && error.code === "invalid_input" && showFieldErrors(form, error)) {
    showState(byId("verification-answer"), "empty");
    return;
  }
  showState(byId("verification-answer"), "error");
  const room = byId("verification-verdict");
  switch (error.code) {
    case "face_not_matched":
      say(room, "bad", t("No match"), problemText(error));
      fill(byId("verification-next"), again(), link("account", "/account", t("Use the password")));
      break;
    case "not_enrolled":
      say(room, "warn", t("Not trained yet"), problemText(error));
      fill(byId("verification-next"), link("build", `/build${await userQuery()}`, t("Go to Database Build")));
      break;
    case "no_face_found":
      say(room, "bad", t("No face was found"), problemText(error));
      fill(byId("verification-next"), again());
      break;
    default:
      showProblem(byId("verification-problem"), error, { retry: () => form.requestSubmit() });
  }
  reveal();
  if (["face_not_matched", "not_enrolled"].includes(error.code)) await showFace(picture, "bad", "");
}

function say(room, kind, title, text) {
  fill(room, verdict(kind, title, text));
  announce(`${title}. ${text}`, { urgent: kind !== "good" });
}

function again() {
  const button = el("button", { class: "btn btn-outline-primary", type: "button" }, icon("arrow-counterclockwise"), t("Try another picture"));
  button.addEventListener("click", () => byId("verification-another").click());
  return button;
}

function link(key, href, text) {
  return el("a", { class: "btn btn-outline-secondary", href, dataset: { tabLink: key } }, text);
}

/** For the link to the person's training, where the visitor may look the address up. */
async function userQuery() {
  const { user_id: id, email } = named();
  if (id) return `?user=${id}`;
  try {
    const { data } = await get("/api/users", { query: { q: email, per_page: 5 } });
    const user = data.find((one) => one.email.toLowerCase() === email.toLowerCase());
    return user ? `?user=${user.id}` : "";
  } catch {
    return "";
  }
}

// --- a match

async function showMatch(data) {
  const room = byId("verification-verdict");
  const title = t("Match: this is {name}", { name: data.name });
  const share = percentOf100(data.confidence, 2);
  if (session.signedIn && session.account.user_id === data.user_id) {
    await end(data.token);
    say(room, "good", title, t("You are signed in as {name}, as before. Confidence {share}.", { share, name: data.name }));
    fill(byId("verification-next"), signOutButton(), link("account", "/account", t("My account")));
  } else if (session.signedIn) {
    offered = data;
    const other = session.account.name;
    say(room, "good", title, t("You stay signed in as {other} unless you change that. Confidence {share}.", { share, other }));
    fill(byId("verification-next"), changeButton(data));
  } else {
    await adopt(data);
    say(room, "good", title, t("Login successful: you are signed in as {name} now. Confidence {share}.", { share, name: data.name }));
    fill(byId("verification-next"), signOutButton(), link("account", "/account", t("My account")));
  }
}

function signOutButton() {
  const button = el("button", { class: "btn btn-outline-primary", type: "button" }, icon("box-arrow-right"), el("span", { class: "btn-text" }, t("Sign out")), el("span", { class: "spinner", "aria-hidden": "true" }));
  button.addEventListener("click", () =>
    busy(button, async () => {
      clearProblem(byId("verification-problem"));
      try {
        await signOut();
        announce(t("You are signed out."));
        byId("verification-form-email").focus();
      } catch (error) {
        showProblem(byId("verification-problem"), error, { retry: () => button.click() });
      }
    }),
  );
  return button;
}

function changeButton(data) {
  const button = el("button", { class: "btn btn-primary", type: "button" }, el("span", { class: "btn-text" }, t("Sign in as {name} instead", { name: data.name })), el("span", { class: "spinner", "aria-hidden": "true" }));
  button.addEventListener("click", () =>
    busy(button, async () => {
      offered = null;
      clearProblem(byId("verification-problem"));
      changing = true;
      try {
        await signOut();
        await adopt(data);
      } catch (error) {
        offered = data;
        return showProblem(byId("verification-problem"), error, { retry: () => button.click() });
      } finally {
        changing = false;
      }
      fill(byId("verification-next"), signOutButton(), link("account", "/account", t("My account")));
      say(byId("verification-verdict"), "good", t("Match: this is {name}", { name: data.name }), t("You are signed in as {name} now.", { name: data.name }));
      return undefined;
    }),
  );
  return button;
}

/** A session that nobody has taken must not stay open. */
function refuse() {
  if (offered) end(offered.token);
  offered = null;
}

async function end(token) {
  try {
    await send({ method: "POST", path: "/api/auth/logout", json: {}, token });
  } catch {
    // it ends by itself
  }
}

function showAccount() {
  const note = byId("verification-account");
  note.hidden = !session.signedIn;
  if (session.signedIn) note.textContent = t("You are signed in as {name}.", { name: session.account.name });
}

/** The API tells the threshold to those who are signed in; in local mode to everybody. */
async function showScale(data) {
  try {
    const model = (await get("/api/face/model")).data;
    const threshold = model.verification_threshold;
    fill(
      byId("verification-scale"),
      el("p", { class: "verification-similarity" }, t("Similarity"), el("span", { class: "recognition-value" }, similarity(data.similarity))),
      similarityScale({ similarity: data.similarity, threshold, kind: "good" }),
    );
  } catch {
    fill(byId("verification-scale"), el("p", {}, t("Similarity: {value}", { value: similarity(data.similarity) })));
  }
}

/** Marks the face that was compared. */
async function showFace(picture, kind, label) {
  if (config.access !== "local" && !session.signedIn) return; // the API tells strangers nothing about pictures
  try {
    const { faces } = (await upload("/api/face/detect", { file: picture })).data;
    const marked = faces.map(({ box, landmarks }, index) => (index ? { box, kind: "other" } : { box, landmarks, kind, label }));
    if (file === picture) preview(marked.reverse());
  } catch {
    // the picture without marks
  }
}

function preview(faces) {
  const room = byId("verification-preview");
  releasePictures(room);
  fill(room, facePicture({ blob: file, alt: t("The picture that is compared"), faces }));
}

function clearAnswer() {
  for (const part of ["verdict", "problem", "next", "scale"]) fill(byId(`verification-${part}`));
}

function reveal() {
  const card = byId("verification-result");
  const { top } = card.getBoundingClientRect();
  if (top > window.innerHeight * 0.6) card.scrollIntoView({ block: "start" });
}
