/**
 * Numbers, sizes and times as the visitor's language writes them.
 *
 * number(1234.5, 1)       "1,234.5"         digits after the point, 0 unless said
 * percent(0.9731)         "97.3%"           of a share from 0 to 1; percentOf100(97.31) of a number from 0 to 100
 * bytes(1530000)          "1.5 MB"
 * seconds(75)             "1 min 15 s"
 * similarity(0.7342)      "0.734"
 * dateTime("2026-01-22T10:00:00Z")  "22 Jan 2026, 17:00"     in the visitor's time zone; "" for nothing
 * ago("2026-01-22T10:00:00Z")       "3 hours ago"
 */
import { language } from "./config.js";
import { t } from "./messages.js";

const dates = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

export function number(value, digits = 0) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
}

export function percent(share, digits = 1) {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(share);
}

export function percentOf100(value, digits = 1) {
  return percent(value / 100, digits);
}

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${number(value, unit > 1 ? 1 : 0)} ${units[unit]}`;
}

export function seconds(value) {
  if (value < 10) return t("{seconds} s", { seconds: number(value, Number.isInteger(value) ? 0 : 1) });
  const whole = Math.round(value);
  if (whole < 90) return t("{seconds} s", { seconds: number(whole) });
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return t("{minutes} min {seconds} s", { minutes, seconds: whole % 60 });
  return t("{hours} h {minutes} min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

export function similarity(value) {
  return number(value, 3);
}

export function dateTime(value) {
  const date = parsed(value);
  return date ? dates.format(date) : "";
}

export function ago(value, now = Date.now()) {
  const date = parsed(value);
  if (!date) return "";
  const passed = (date.getTime() - now) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(passed) >= length) return relative.format(Math.round(passed / length), unit);
  }
  return t("just now");
}

/** ISO 8601, or the histories' "YYYY-MM-DD HH:MM:SS" in UTC. */
function parsed(value) {
  if (!value) return null;
  const iso = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(value) ? `${value.replace(" ", "T")}Z` : value;
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? null : date;
}
