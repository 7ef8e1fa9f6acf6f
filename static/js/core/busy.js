/**
 * busy(button, work)   runs the async function once: while it runs the button is disabled and shows that it works, and
 *                      further clicks do nothing. Answers what work answers, or undefined for a click that came too soon.
 * onSubmit(form, work) the same for a form: work(event) runs with the form's submit button busy; Enter counts too, also
 *                      one that came while the script that calls this was still on its way
 */
const running = new WeakSet();
const heard = new WeakSet(); // forms that somebody listens to
const early = new WeakSet(); // forms that were sent before

document.addEventListener(
  "submit",
  (event) => {
    if (heard.has(event.target) || event.target.method === "dialog") return;
    event.preventDefault();
    early.add(event.target);
  },
  { capture: true },
);

export async function busy(button, work) {
  if (running.has(button)) return undefined;
  running.add(button);
  const focused = document.activeElement === button;
  button.disabled = true;
  button.classList.add("is-busy");
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    running.delete(button);
    button.disabled = false;
    button.classList.remove("is-busy");
    button.removeAttribute("aria-busy");
    // Disabling took the focus away; whoever works by keyboard goes on from here, unless the work moved it elsewhere.
    if (focused && document.activeElement === document.body && button.isConnected) button.focus();
  }
}

export function onSubmit(form, work) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    busy(button ?? form, () => work(event));
  });
  heard.add(form);
  // After the tab has been shown: it may fill in the form from its address.
  if (early.delete(form)) setTimeout(() => form.checkVisibility() && form.requestSubmit());
}
