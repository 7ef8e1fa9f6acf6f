/**
 * All photos of an event, the newest first; more come as the end comes into view.
 *
 * makeAllPhotos({call, lightbox, isKept, onChoose, onSelection, onDownload}) -> {setEvent(event), load(), loadAll(),
 *      clear(), galleries, total}
 */
import { get, isAbort, path } from "../../core/api.js";
import { busy } from "../../core/busy.js";
import { byId, showState } from "../../core/dom.js";
import { clearProblem, showProblem } from "../../core/errors.js";
import { tokenHeaders } from "../../core/event_tokens.js";
import { tn } from "../../core/messages.js";
import { makeGallery, pictureOf } from "./gallery.js";
import { whenNear } from "./near.js";

const LIMIT = 60;
const LARGEST_LIMIT = 200;

export function makeAllPhotos({ call, lightbox, isKept, onChoose, onSelection, onDownload }) {
  const root = byId("events-all");
  const more = byId("events-all-more");
  const list = byId("events-all-list");
  const problem = byId("events-all-more-problem");
  let event = null;
  let loading = null; // a promise: one page at a time
  let page = 0;
  let total = 0;
  let requests = new AbortController();
  const gallery = makeGallery(list, { onOpen: open, onRenew: renew, onSelection });
  const near = whenNear(more, () => showMore());
  more.addEventListener("click", () => showMore().then(near.start));
  byId("events-all-choose").addEventListener("click", onChoose);
  byId("events-all-download").addEventListener("click", onDownload);

  function clear() {
    requests.abort();
    requests = new AbortController();
    loading = null;
    page = 0;
    total = 0;
    gallery.set([]);
    showState(root, "loading");
    near.stop();
  }

  /** What is shown already stays; what has come since is asked for. */
  function setEvent(next) {
    if (event?.id !== next.id) clear();
    else if (page && next.total !== total) clear();
    event = next;
  }

  async function ask(number, limit = LIMIT) {
    const { signal } = requests;
    const query = { page: number, limit };
    const { data } = await call(() => get(path`/api/events/${event.id}/images`, { query, headers: tokenHeaders(event.id), signal }));
    return { total: data.total_items, items: data.items.map((image) => pictureOf(image, { kept: isKept(image.id) })) };
  }

  async function load() {
    if (!event || page || loading) return;
    showState(root, "loading");
    try {
      await next();
      showState(root, total ? "filled" : "empty");
      near.start();
    } catch (error) {
      if (isAbort(error)) return;
      showState(root, "error");
      showProblem(byId("events-all-problem"), error, { retry: load });
    }
  }

  function next() {
    const { signal } = requests;
    loading ??= ask(page + 1)
      .then((answer) => {
        if (signal.aborted) throw new DOMException("given up", "AbortError");
        page += 1;
        ({ total } = answer);
        gallery.add(answer.items);
        if (!answer.items.length) total = gallery.items.length;
        draw();
      })
      .finally(() => {
        if (!signal.aborted) loading = null;
      });
    return loading;
  }

  async function showMore() {
    if (gallery.items.length >= total) return false;
    clearProblem(problem);
    return busy(more, async () => {
      try {
        await next();
        return true;
      } catch (error) {
        if (!isAbort(error)) showProblem(problem, error, { retry: showMore });
        return false;
      }
    });
  }

  async function loadAll() {
    while (gallery.items.length < total) await next();
  }

  function draw() {
    byId("events-all-title").textContent = tn("{count} photo", "{count} photos", total);
    more.hidden = gallery.items.length >= total;
  }

  async function renew() {
    for (let number = 1; (number - 1) * LARGEST_LIMIT < gallery.items.length; number += 1) {
      gallery.renew((await ask(number, LARGEST_LIMIT)).items);
    }
  }

  async function open(item) {
    const last = await lightbox({ items: () => gallery.items, at: gallery.items.indexOf(item), total: () => total, more: next, renew });
    if (last) gallery.focus(last.id);
  }

  return {
    setEvent,
    load,
    loadAll,
    clear,
    galleries: [gallery],
    get total() {
      return total;
    },
  };
}
