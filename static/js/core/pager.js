/**
 * makePager(nav, {perPage, onPage}) -> {update({page, total}), page, perPage}
 *
 * The bar under a table (macro table: #<id>-pager): "1–50 of 10,000", first, previous, next, last. onPage(page) loads
 * that page; call update with what came back (`total` of api.get). The bar is hidden while one page holds everything.
 */
import { el, fill, icon } from "./dom.js";
import { t } from "./messages.js";
import { number } from "./format.js";

export function makePager(nav, { perPage = 50, onPage }) {
  const pager = { page: 1, perPage, update };
  const text = el("span", { class: "pager-text" });
  const first = step(icon("chevron-bar-left"), t("First page"), () => 1);
  const previous = step(icon("chevron-left"), t("Previous page"), () => pager.page - 1);
  const next = step(icon("chevron-right"), t("Next page"), () => pager.page + 1);
  const last = step(icon("chevron-bar-right"), t("Last page"), () => pages);
  let pages = 1;
  fill(nav, text, el("div", { class: "btn-group" }, first, previous, next, last));

  function step(symbol, label, target) {
    const button = el("button", { class: "btn btn-outline-secondary", type: "button", "aria-label": label, title: label }, symbol);
    button.addEventListener("click", () => onPage(target()));
    return button;
  }

  function update({ page, total }) {
    pager.page = page;
    pages = Math.max(1, Math.ceil(total / perPage));
    nav.hidden = pages === 1;
    const from = total ? (page - 1) * perPage + 1 : 0;
    text.textContent = t("{from}–{to} of {total}", {
      from: number(from),
      to: number(Math.min(page * perPage, total)),
      total: number(total),
    });
    for (const button of [first, previous]) button.disabled = page <= 1;
    for (const button of [next, last]) button.disabled = page >= pages;
  }

  return pager;
}
