/**
 * Requests as such, without a session; api.js is what tabs use.
 *
 * send({method, path, query, json, form, token, signal, headers, as, onProgress}) -> Answer
 *      as: "json" (default), "blob" or "text". onProgress(share from 0 to 1) of an upload.
 * Answer      {status, data, headers, total (X-Total-Count, or null), next (address of the next page, or null)}
 * Problem     an Error: {status, code, message, errors (field -> text), retryAfterSeconds, body}; code "offline" and
 *             status 0 when the server did not answer
 * isAbort(e)  whether somebody gave the request up on purpose: nothing to show
 */
import { alive, lost } from "./connection.js";

export class Problem extends Error {
  constructor({ status = 0, code = "internal_error", message = "", errors = {}, retryAfterSeconds = null, body = {} }) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
    this.body = body;
  }
}

export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

export async function send(request) {
  const url = address(request.path, request.query);
  return request.onProgress ? sendCounted(request, url) : sendPlain(request, url);
}

async function sendPlain(request, url) {
  let answer;
  try {
    answer = await fetch(url, {
      method: request.method ?? "GET",
      headers: headersOf(request),
      body: bodyOf(request),
      signal: request.signal,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    throw isAbort(error) ? error : offline();
  }
  alive();
  if (!answer.ok) throw problemOf(answer.status, answer.headers, await answer.text().catch(() => ""));
  try {
    return answerOf(answer.status, answer.headers, await read(answer, request.as));
  } catch (error) {
    throw isAbort(error) ? error : offline(); // the connection broke half-way
  }
}

async function read(answer, as = "json") {
  if (as === "blob") return answer.blob();
  const text = await answer.text();
  return as === "text" ? text : text ? JSON.parse(text) : null;
}

/** By XMLHttpRequest: fetch tells nothing about what has been sent. */
function sendCounted(request, url) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(request.method ?? "POST", url);
    for (const [name, value] of Object.entries(headersOf(request))) xhr.setRequestHeader(name, value);
    xhr.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable && event.total) request.onProgress(event.loaded / event.total);
    });
    xhr.addEventListener("load", () => {
      alive();
      const headers = { get: (name) => xhr.getResponseHeader(name) };
      if (xhr.status < 200 || xhr.status >= 300) return reject(problemOf(xhr.status, headers, xhr.responseText));
      try {
        return resolve(answerOf(xhr.status, headers, xhr.responseText ? JSON.parse(xhr.responseText) : null));
      } catch {
        return reject(offline());
      }
    });
    xhr.addEventListener("error", () => reject(offline()));
    xhr.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
    if (request.signal) {
      if (request.signal.aborted) return reject(new DOMException("given up", "AbortError"));
      request.signal.addEventListener("abort", () => xhr.abort());
    }
    return xhr.send(bodyOf(request));
  });
}

function address(path, query = {}) {
  const url = new URL(path, location.origin);
  if (url.origin !== location.origin) throw new Error(`Not an address of this server: ${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return url.pathname + url.search;
}

function headersOf(request) {
  return {
    Accept: "application/json, application/problem+json, */*;q=0.5",
    ...(request.json === undefined ? {} : { "Content-Type": "application/json" }),
    ...(request.token ? { Authorization: `Bearer ${request.token}` } : {}),
    ...request.headers,
  };
}

function bodyOf(request) {
  return request.json === undefined ? request.form : JSON.stringify(request.json);
}

function answerOf(status, headers, data) {
  const total = headers.get("X-Total-Count");
  const next = /<([^>]+)>;\s*rel="next"/.exec(headers.get("Link") ?? "");
  return { status, data, headers, total: total === null ? null : Number(total), next: next ? next[1] : null };
}

function problemOf(status, headers, text) {
  let body = {};
  try {
    body = JSON.parse(text) ?? {};
  } catch {
    // not ours: a proxy's page, say
  }
  const wait = Number(headers.get("Retry-After"));
  return new Problem({
    status,
    code: body.code ?? "unknown",
    message: body.message ?? "",
    errors: body.errors ?? {},
    retryAfterSeconds: Number.isFinite(wait) && wait > 0 ? wait : null,
    body,
  });
}

function offline() {
  lost();
  return new Problem({ code: "offline" });
}
