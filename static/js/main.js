/* Starts the page. */
import "./core/busy.js"; // hears what is sent before a tab listens
import { notice } from "./core/announce.js";
import { byId } from "./core/dom.js";
import { t } from "./core/messages.js";
import { config } from "./core/config.js";
import { onSession, restore, session } from "./core/session.js";
import { onBack, watchConnection } from "./core/connection.js";
import { catchAnswer } from "./core/google.js";
import { currentTab, startRouter } from "./core/router.js";
import { startThemeSwitch } from "./core/theme.js";

function showAccount() {
  byId("account-name").textContent = session.signedIn ? session.account.name : t("Sign in");
  byId("account-link").classList.toggle("is-signed-in", session.signedIn);
}

/** Another language at the same place, with what the address says of it. */
function keepAddress(event) {
  const link = event.target instanceof Element ? event.target.closest("a[hreflang]") : null;
  if (!link) return;
  const here = new URL(location.href);
  here.searchParams.set("lang", link.hreflang);
  link.href = here.search + here.hash;
}

/** The tab Password Login says it itself. */
function tellEnd() {
  if (session.signedIn || currentTab() === "account") return;
  if (session.ending === "server") notice(t("Your session has ended: sign in again."), { kind: "info" });
  if (session.ending === "window") notice(t("You signed out in another window."), { kind: "info" });
}

/** The other tabs' scripts, when there is time: then tabs change at once, and also while the server is away. */
function fetchTheRest() {
  for (const key of Object.keys(config.tabs)) import(`./tabs/${key}.js`).catch(() => {});
}

catchAnswer(); // a code of Google's stays in the address no longer than needed
for (const kind of ["click", "auxclick"]) byId("languages").addEventListener(kind, keepAddress);
startThemeSwitch(byId("theme-switch"));
watchConnection();
onSession(showAccount);
onSession(tellEnd);
onBack(() => session.signedIn || restore()); // the server was away when the page was loaded
await restore();
showAccount();
await startRouter();
tellEnd();
document.documentElement.dataset.ready = ""; // for tests: everything reacts now
("requestIdleCallback" in window ? requestIdleCallback : setTimeout)(fetchTheRest);
