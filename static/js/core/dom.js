/**
 * Building and finding elements. Text is always text: nothing here (or anywhere else) turns a string into markup, and
 * the page's policy would not let it.
 *
 * el("td", {class: "num", dataset: {id: 3}, hidden: true, onclick: fn}, "text", child, null)
 *      attributes; on… adds a listener; class, dataset; true and false for boolean attributes; null children are left out
 * icon("trash")            a Bootstrap icon. Name it literally: the sprite holds what the source names.
 * byId("users-form")       the element; throws if it is not there
 * fill(node, ...children)  replaces what a node holds
 * copy("template-dialog")  a copy of the first element of a <template>
 * on(root, "click", "[data-delete]", (event, element) => …)   one listener for many elements
 * showState(root, "empty") shows the elements below root whose data-state names this word ("loading", "empty error"), hides
 *                          the other ones with a data-state. Elements of nested roots with data-states are left alone.
 */
import { config } from "./config.js";

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  setAttributes(node, attributes);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** The same for SVG; attributes only. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

export function icon(name, extra = "") {
  return svg(
    "svg",
    { class: `icon ${extra}`.trim(), "aria-hidden": "true", focusable: "false" },
    svg("use", { href: `${config.assets}icons.svg#${name}` }),
  );
}

export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`There is no element with the id ${id}`);
  return found;
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function copy(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

export function on(root, type, selector, handler) {
  root.addEventListener(type, (event) => {
    const element = event.target instanceof Element ? event.target.closest(selector) : null;
    if (element && root.contains(element)) handler(event, element);
  });
}

export function showState(root, state) {
  for (const element of root.querySelectorAll("[data-state]")) {
    const nearest = element.parentElement.closest("[data-states]");
    if (nearest && nearest !== root && root.contains(nearest)) continue;
    element.hidden = !element.dataset.state.split(" ").includes(state);
  }
  root.dataset.shown = state;
}

function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "dataset") Object.assign(node.dataset, value);
    else if (name.startsWith("on") && typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else node.setAttribute(name, String(value));
  }
}
