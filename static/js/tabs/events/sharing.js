/**
 * sharing() -> tools for a lightbox: handing a photo to other apps of the phone (a chat, the photo album), where the
 * browser can do that; none elsewhere. It is the smaller picture: a phone asks for permission again after some seconds.
 */
import { get, path } from "../../core/api.js";
import { icon } from "../../core/dom.js";
import { tokenHeaders } from "../../core/event_tokens.js";
import { t } from "../../core/messages.js";
import { opened } from "./access.js";

const TYPE = "image/jpeg";

export function sharing() {
  const probe = new File([""], "photo.jpg", { type: TYPE });
  if (!navigator.canShare?.({ files: [probe] })) return [];
  return [{ label: t("Share"), icon: () => icon("share"), work: share }];
}

async function share(item) {
  const address = path`/api/images/${item.id}/web`;
  const { data } = await opened(item.eventId, () => get(address, { as: "blob", headers: tokenHeaders(item.eventId) }));
  const name = item.name.replace(/\.\w+$/, "") || "photo";
  await navigator.share({ files: [new File([data], `${name}.jpg`, { type: TYPE })] });
}
