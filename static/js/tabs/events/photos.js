/**
 * The photos of an event for whoever may change it: a grid that can be ordered, one of them large, deleting and saving.
 *
 * makeOwnPhotos({onDeleted}) -> {setEvent(event), reload(), renew(), clear(), stop()}
 *      reload(): what has come since is shown as well. renew(): how far each photo is. stop(): it is not seen for a while.
 *      onDeleted(count)
 */
import { notice } from "../../core/announce.js";
import { Problem, del, get, isAbort, path } from "../../core/api.js";
import { busy } from "../../core/busy.js";
import { confirm } from "../../core/dialog.js";
import { byId, icon, showState } from "../../core/dom.js";
import { clearProblem, showProblem } from "../../core/errors.js";
import { t, tn } from "../../core/messages.js";
import { makeDownloads, saveOne } from "./download.js";
import { makeGallery, pictureOf } from "./gallery.js";
import { openLightbox } from "./lightbox.js";
import { whenNear } from "./near.js";
import { makeSelection } from "./selection.js";

const LIMIT = 60;
const LARGEST_LIMIT = 200;

export function makeOwnPhotos({ onDeleted }) {
  const root = byId("events-photos");
  const more = byId("events-photos-more");
  const order = byId("events-photos-order");
  const problem = byId("events-photos-more-problem");
  let event = null;
  let page = 0;
  let total = 0;
  let loading = null;
  let requests = new AbortController();
  const call = (id, work) => work();
  const downloads = makeDownloads(byId("events-photos-zip"), { call });
  const gallery = makeGallery(byId("events-photos-list"), { onOpen: open, onRenew: renew, onSelection: () => selection?.update(), flag });
  const selection = makeSelection(byId("events-photos-choice"), {
    galleries: () => [gallery],
    loadAll,
    actions: [
      { label: t("Delete"), icon: () => icon("trash"), kind: "outline-danger", work: removeMany },
      { label: t("Download"), icon: () => icon("download"), kind: "primary", work: (items) => downloads.ask({ eventId: event.id, items }) },
    ],
  });
  const near = whenNear(more, () => showMore());
  more.addEventListener("click", () => showMore().then(near.start));
  order.addEventListener("change", () => reload());
  byId("events-photos-choose").addEventListener("click", () => (selection.active ? selection.stop() : selection.start()));

  function flag({ state }) {
    if (state === "failed") return t("failed");
    return state === "queued" ? t("not looked at yet") : null;
  }

  function clear() {
    requests.abort();
    requests = new AbortController();
    selection.stop();
    near.stop();
    downloads.stop();
    loading = null;
    page = 0;
    total = 0;
    event = null;
    gallery.set([]);
    showState(root, "loading");
  }

  async function setEvent(next) {
    if (event?.id === next.id) {
      event = next;
      if (next.total !== total) await reload();
      else near.start();
      return;
    }
    clear();
    event = next;
    downloads.look?.(event.id);
    await first();
  }

  async function ask(number, limit) {
    const { signal } = requests;
    const [sortBy, sortOrder] = order.value.split("-");
    const query = { page: number, limit, sort_by: sortBy, sort_order: sortOrder };
    const { data } = await get(path`/api/events/${event.id}/my-event-images`, { query, signal });
    if (signal.aborted) throw new DOMException("given up", "AbortError");
    return { total: data.total_items, items: data.items.map((image) => pictureOf(image)) };
  }

  async function first() {
    try {
      await next();
      near.start();
    } catch (error) {
      if (isAbort(error)) return;
      showState(root, "error");
      showProblem(byId("events-photos-problem"), error, { retry: first });
    }
  }

  function next() {
    loading ??= ask(page + 1, LIMIT)
      .then((answer) => {
        page += 1;
        ({ total } = answer);
        gallery.add(answer.items);
        draw();
      })
      .finally(() => {
        loading = null;
      });
    return loading;
  }

  async function showMore() {
    if (!event || gallery.items.length >= total) return false;
    clearProblem(problem);
    return busy(more, async () => {
      const before = gallery.items.length;
      try {
        await next();
        return gallery.items.length > before;
      } catch (error) {
        if (!isAbort(error)) showProblem(problem, error, { retry: showMore });
        return false;
      }
    });
  }

  async function loadAll() {
    while (gallery.items.length < total) {
      const before = page;
      await next();
      if (page === before || (page - 1) * LIMIT > total) break;
    }
  }

  /** From the beginning; what is chosen stays chosen as long as it is shown. */
  async function reload() {
    if (!event) return;
    try {
      const { items, total: all } = await ask(1, Math.min(LARGEST_LIMIT, Math.max(LIMIT, page * LIMIT)));
      const chosen = new Set(gallery.selected);
      total = all;
      page = Math.max(1, Math.floor(items.length / LIMIT));
      gallery.set(items);
      if (selection.active) {
        gallery.select(true);
        for (const id of chosen) if (items.some((item) => item.id === id)) gallery.selected.add(id);
        for (const id of gallery.selected) gallery.redraw(id);
        selection.update();
      }
      draw();
      near.start();
    } catch (error) {
      if (!isAbort(error)) showProblem(problem, error, { retry: reload });
    }
  }

  function draw() {
    byId("events-photos-title").textContent = tn("{count} photo", "{count} photos", total);
    more.hidden = gallery.items.length >= total;
    showState(root, total ? "filled" : "empty");
    if (!total) selection.stop();
  }

  /** New addresses, and how far each photo is. */
  async function renew() {
    for (let number = 1; (number - 1) * LARGEST_LIMIT < gallery.items.length; number += 1) {
      gallery.renew((await ask(number, LARGEST_LIMIT)).items);
    }
  }

  async function open(item) {
    const last = await openLightbox({
      items: () => gallery.items,
      at: gallery.items.indexOf(item),
      total: () => total,
      more: next,
      renew,
      download: saveOne,
      tools: [{ label: t("Delete"), icon: () => icon("trash"), danger: true, work: async (one) => ((await removeMany([one])) ? "gone" : undefined) }],
    });
    if (last) gallery.focus(last.id);
  }

  async function removeMany(items) {
    const gone = [];
    const sure = await confirm({
      title: items.length === 1 ? t("Delete this photo?") : tn("Delete {count} photo?", "Delete {count} photos?", items.length),
      text: t("It disappears for all guests at once. There is no way back."),
      ok: t("Delete"),
      danger: true,
      work: async () => {
        for (const { id } of items) {
          if (gone.includes(id)) continue;
          try {
            await del(path`/api/images/${id}`);
          } catch (error) {
            if (!(error instanceof Problem) || error.code !== "image_not_found") throw error;
          }
          gone.push(id);
        }
      },
    });
    if (gone.length) {
      gallery.remove(gone);
      total = Math.max(0, total - gone.length);
      draw();
      onDeleted(gone.length);
      if (sure) notice(tn("{count} photo deleted", "{count} photos deleted", gone.length));
    }
    return sure;
  }

  return {
    setEvent,
    reload,
    renew: () => (event && gallery.items.length ? renew().catch(() => {}) : undefined),
    clear,
    stop() {
      selection.stop();
      near.stop();
      downloads.stop();
    },
  };
}
