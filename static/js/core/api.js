/**
 * Calls of the API, with the session's token if there is one. Each throws a Problem (see http.js) when the API says no
 * or does not answer, and an AbortError when `signal` was aborted (isAbort).
 *
 * get(path, {query, signal, as})               -> {data, status, total, next}
 * post(path, json, {signal, headers})          put(path, json), del(path)
 * upload(path, fields, {onProgress, signal})   a form; fields: {file: File, user_id: 3, files: [File, …]}; a Blob gets a
 *                                              name as [blob, "name.jpg"]
 * download(path, filename, {query})            saves an answer (a CSV, say) as a file
 * pages(path, {query, perPage, signal, headers})        async iterator over every item of a list
 * path`/api/users/${id}`                       a path with its values escaped
 */
import { Problem, isAbort, send } from "./http.js";
import { renew, token } from "./session.js";
import { el } from "./dom.js";

export { Problem, isAbort };

export function get(address, options = {}) {
  return call({ ...options, path: address });
}

export function post(address, json = {}, options = {}) {
  return call({ ...options, method: "POST", path: address, json });
}

export function put(address, json = {}, options = {}) {
  return call({ ...options, method: "PUT", path: address, json });
}

export function del(address, options = {}) {
  return call({ ...options, method: "DELETE", path: address });
}

export function upload(address, fields, options = {}) {
  return call({ onProgress: () => {}, ...options, method: "POST", path: address, form: formOf(fields) });
}

export async function download(address, filename, options = {}) {
  const { data } = await call({ ...options, path: address, as: "blob" });
  const url = URL.createObjectURL(data);
  const link = el("a", { href: url, download: filename, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // browsers read it after the click
}

export async function* pages(address, { query = {}, perPage = 200, signal, headers } = {}) {
  for (let page = 1; ; page += 1) {
    const answer = await get(address, { query: { ...query, page, per_page: perPage }, signal, headers });
    yield* answer.data;
    if (!answer.next) return;
  }
}

export function path(texts, ...values) {
  return texts.reduce((whole, text, index) => whole + encodeURIComponent(values[index - 1]) + text);
}

async function call(request) {
  const shown = await token();
  try {
    return await send({ ...request, token: shown });
  } catch (error) {
    if (!shown || !(error instanceof Problem) || error.status !== 401) throw error;
    const next = ["token_expired", "token_invalid"].includes(error.code) ? await renew(shown) : null;
    if (!next) throw error;
    return send({ ...request, token: next });
  }
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined || value === "") continue;
    if (Array.isArray(value) && value.length === 2 && value[0] instanceof Blob && typeof value[1] === "string") {
      form.append(name, ...value);
    } else {
      for (const one of Array.isArray(value) ? value : [value]) form.append(name, one);
    }
  }
  return form;
}
