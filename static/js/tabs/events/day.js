/** The day of an event ("2026-01-22") as the visitor's language writes it; "" for none. A day has no time zone. */
import { language } from "../../core/config.js";

const format = new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" });

export function day(text) {
  return text ? format.format(new Date(`${text}T00:00:00Z`)) : "";
}
