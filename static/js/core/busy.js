/**
 * busy(button, work)   runs the async function once: while it runs the button is disabled and shows that it works, and
 *                      further clicks do nothing. Answers what work answers, or undefined for a click that came too soon.
 * onSubmit(form, work) the same for a form: work(event) runs with the form's submit button busy; Enter counts too
 */
const running = new WeakSet();

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
}
