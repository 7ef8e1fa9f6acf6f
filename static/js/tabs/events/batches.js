/**
 * Sending very many files in requests that are small enough, a few at a time.
 *
 * makeSender({onChange, onStored, onIdle}) -> sender
 *      onChange(): something moved, draw sender.state. onStored(event, images): photos that are new on the server.
 *      onIdle(): nothing is left to send.
 *   .add(files, event)    event: {id, name}; its photos go there
 *   .refuse([{file, text}], event)   files that are not even sent
 *   .again()              once more, what failed
 *   .stop()               gives up what is left
 *   .clear()              forgets what has been
 *   .busy                 whether something is on its way, or waits
 *   .state                {total, done, uploaded, bytes, bytesSent, share (0 to 1), rate (bytes a second), etaSeconds,
 *                         waiting: a sentence or null, outcomes: [{name, kind: "duplicate" | "rejected", text}], failed: number of files, problem}
 */
import { Problem, isAbort, path, upload } from "../../core/api.js";
import { config } from "../../core/config.js";
import { whenBack } from "../../core/connection.js";
import { serverText } from "../../core/errors.js";
import { seconds } from "../../core/format.js";
import { t } from "../../core/messages.js";

const PARALLEL = 3;
/** A lost batch is sent again as a whole: it should not be large on a phone's line. */
const MOST_FILES = 10;
const MOST_BYTES = 20_000_000;
/** Of a request, for what a form adds to its files. */
const SPARE_BYTES = 64_000;
const SPARE_FILE_BYTES = 600;
/** Without any answer of the server, and without it having been away. */
const ATTEMPTS = 3;
const RATE_WINDOW_MS = 12_000;
const RATE_MIN_MS = 1500;

export function makeSender({ onChange, onStored, onIdle }) {
  let queue = []; // {file, event, attempts, alone}
  let flying = new Set(); // {items, bytes, share, abort}
  let failed = [];
  let counts = nothing();
  let outcomes = [];
  let problem = null;
  let waiting = null;
  let samples = []; // [time, bytes that were sent, bytes of files that are settled]
  let active = false;

  function nothing() {
    return { total: 0, done: 0, uploaded: 0, bytes: 0, bytesDone: 0 };
  }

  function add(files, event) {
    for (const file of files) {
      counts.total += 1;
      counts.bytes += file.size;
      queue.push({ file, event, attempts: 0, alone: false });
    }
    active ||= files.length > 0;
    pump();
  }

  function refuse(refusals, event) {
    for (const { file, text } of refusals) outcomes.push({ name: file.name, kind: "rejected", text, event });
    onChange();
  }

  function pump() {
    while (flying.size < PARALLEL && queue.length) {
      const batch = nextBatch();
      flying.add(batch);
      send(batch).finally(() => {
        flying.delete(batch);
        pump();
      });
    }
    onChange();
    idle();
  }

  function idle() {
    if (!active || flying.size || queue.length) return;
    active = false;
    onIdle();
  }

  function nextBatch() {
    const limit = Math.min(MOST_BYTES, config.maxRequestBytes - SPARE_BYTES);
    const items = [queue.shift()];
    let size = items[0].file.size + SPARE_FILE_BYTES;
    while (queue.length && items.length < MOST_FILES && !items[0].alone) {
      const [next] = queue;
      if (next.alone || next.event.id !== items[0].event.id || size + next.file.size + SPARE_FILE_BYTES > limit) break;
      size += next.file.size + SPARE_FILE_BYTES;
      items.push(queue.shift());
    }
    return { items, bytes: items.reduce((sum, { file }) => sum + file.size, 0), share: 0, abort: new AbortController() };
  }

  async function send(batch) {
    const { items, abort } = batch;
    const { event } = items[0];
    try {
      const { data } = await upload(
        path`/api/events/${event.id}/images`,
        { files: items.map(({ file }) => file) },
        { signal: abort.signal, onProgress: (share) => advance(batch, share) },
      );
      settle(batch, data);
      const stored = data.filter(({ duplicate, rejected }) => !duplicate && !rejected);
      if (stored.length) onStored(event, stored);
    } catch (error) {
      if (isAbort(error) || abort.signal.aborted) return;
      if (error instanceof Problem && error.code === "no_photo_accepted" && error.body.rejected?.length === items.length) {
        settle(batch, error.body.rejected.map((rejected) => ({ rejected })));
        return;
      }
      await recover(batch, error);
    }
  }

  /** One answer for each file, in order. */
  function settle(batch, answers) {
    waiting = null;
    batch.items.forEach(({ file, event }, index) => {
      const { duplicate, rejected } = answers[index] ?? {};
      counts.done += 1;
      counts.bytesDone += file.size;
      if (rejected) outcomes.push({ name: file.name, kind: "rejected", text: serverText(rejected.message), event });
      else if (duplicate) outcomes.push({ name: file.name, kind: "duplicate", text: t("Was here already."), event });
      else counts.uploaded += 1;
    });
    batch.bytes = 0; // they count as done now
    sample();
    onChange();
  }

  async function recover(batch, error) {
    const { items, abort } = batch;
    batch.share = 0;
    if (!(error instanceof Problem)) return fail(items, error);
    if (error.status === 413) return items.length > 1 ? again(items, { alone: true }) : reject(items, t("The file is too large for this server."));
    if (error.status === 0) {
      waiting = t("The server does not answer: this goes on by itself when it is back.");
      onChange();
      await Promise.race([whenBack(), given(abort)]);
      waiting = null;
      if (abort.signal.aborted) return undefined;
      for (const item of items) item.attempts += 1;
      if (items[0].attempts < ATTEMPTS) return again(items);
      // The server is there: one of the files cannot be read (any more), and takes the others with it.
      return items.length > 1 ? again(items, { alone: true, afresh: true }) : reject(items, t("The file could not be read, or sent."));
    }
    if (error.retryAfterSeconds) {
      waiting = t("The server is busy: again in {time}.", { time: seconds(error.retryAfterSeconds) });
      onChange();
      await Promise.race([new Promise((resolve) => setTimeout(resolve, error.retryAfterSeconds * 1000)), given(abort)]);
      waiting = null;
      return abort.signal.aborted ? undefined : again(items);
    }
    return fail(items, error);
  }

  function given(abort) {
    return new Promise((resolve) => abort.signal.addEventListener("abort", resolve, { once: true }));
  }

  function again(items, { alone = false, afresh = false } = {}) {
    for (const item of items) {
      item.alone ||= alone;
      if (afresh) item.attempts = 0;
    }
    queue.unshift(...items);
  }

  function reject(items, text) {
    for (const { file, event } of items) {
      counts.done += 1;
      counts.bytesDone += file.size;
      outcomes.push({ name: file.name, kind: "rejected", text, event });
    }
    onChange();
  }

  /** What would fail in the same way waits with it, until somebody asks for it again. */
  function fail(items, error) {
    problem = error;
    failed.push(...items);
    if (error.status >= 400 && error.status < 500) failed.push(...queue.splice(0));
    onChange();
  }

  function advance(batch, share) {
    batch.share = share;
    sample();
    onChange();
  }

  function sent() {
    return counts.bytesDone + [...flying].reduce((sum, { bytes, share }) => sum + bytes * share, 0);
  }

  function sample() {
    const now = performance.now();
    samples.push([now, sent(), counts.bytesDone]);
    samples = samples.filter(([at]) => now - at < RATE_WINDOW_MS);
  }

  /**
   * Bytes a second that are sent, and seconds until all is settled. A server that works longer on a photo than the line
   * needs for it still has half of the work before it when everything is sent.
   */
  function speed() {
    const [first] = samples;
    const last = samples.at(-1);
    if (!first || last[0] - first[0] < RATE_MIN_MS) return { rate: null, etaSeconds: null };
    const passed = (last[0] - first[0]) / 1000;
    const work = last[1] + last[2] - first[1] - first[2];
    return {
      rate: Math.max(0, (last[1] - first[1]) / passed) || null,
      etaSeconds: work > 0 ? (2 * counts.bytes - last[1] - last[2]) / (work / passed) : null,
    };
  }

  const sender = {
    add,
    refuse,
    again() {
      for (const item of failed) item.attempts = 0;
      queue.push(...failed.splice(0));
      problem = null;
      samples = [];
      active = true;
      pump();
    },
    stop() {
      const left = [...queue, ...[...flying].flatMap(({ items }) => items)];
      queue = [];
      counts.total -= left.length;
      counts.bytes -= left.reduce((sum, { file }) => sum + file.size, 0);
      const batches = [...flying];
      flying = new Set();
      for (const { abort } of batches) abort.abort();
      waiting = null;
      onChange();
      idle();
    },
    clear() {
      if (sender.busy) return;
      counts = nothing();
      outcomes = [];
      failed = [];
      problem = null;
      samples = [];
      onChange();
    },
    get busy() {
      return Boolean(queue.length || flying.size);
    },
    get state() {
      const bytesSent = sent();
      return {
        ...counts,
        bytesSent,
        share: counts.bytes ? (bytesSent + counts.bytesDone) / (2 * counts.bytes) : 0,
        ...speed(),
        waiting,
        outcomes,
        failed: failed.length,
        problem,
      };
    },
  };
  return sender;
}
