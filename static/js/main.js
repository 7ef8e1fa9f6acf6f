/* Starts the page. */
import { byId } from "./core/dom.js";
import { t } from "./core/messages.js";
import { config } from "./core/config.js";
import { onSession, restore, session } from "./core/session.js";
import { watchConnection } from "./core/connection.js";
import { startRouter } from "./core/router.js";
import { startThemeSwitch } from "./core/theme.js";

function showAccount() {
  byId("account-name").textContent = session.signedIn ? session.account.name : t("Sign in");
  byId("account-link").classList.toggle("is-signed-in", session.signedIn);
}

/** The other tabs' scripts, when there is time: then tabs change at once, and also while the server is away. */
function fetchTheRest() {
  for (const key of Object.keys(config.tabs)) import(`./tabs/${key}.js`).catch(() => {});
}

startThemeSwitch(byId("theme-switch"));
watchConnection();
onSession(showAccount);
await restore();
showAccount();
await startRouter();
document.documentElement.dataset.ready = ""; // for tests: everything reacts now
("requestIdleCallback" in window ? requestIdleCallback : setTimeout)(fetchTheRest);
