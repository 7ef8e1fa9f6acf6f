/**
 * Text in the visitor's language. Write it in English, as a plain string literal (`make translations` reads the source):
 *
 *   t("Delete")                                       -> "Hapus"
 *   t("Hello {name}", {name})                         gaps are filled as text; numbers are formatted
 *   tn("{count} photo", "{count} photos", count)      the form that fits; {count} is there without being named
 *
 * messages()  everything that is translated: message -> translation (errors.js looks up what the API says)
 */
import { config, language } from "./config.js";

const catalogue = await read();
const plural = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

async function read() {
  if (!config.messages) return {};
  try {
    const answer = await fetch(config.messages);
    return answer.ok ? await answer.json() : {};
  } catch {
    return {}; // English is better than nothing
  }
}

export function t(text, values = {}) {
  const found = catalogue[text];
  return fill(typeof found === "string" ? found : text, values);
}

export function tn(one, many, count, values = {}) {
  const forms = catalogue[one];
  // Indonesian has one form, English two; a language with more comes with its rules.
  const form = Array.isArray(forms) ? forms[Math.min(plural.select(count) === "one" ? 0 : 1, forms.length - 1)] : undefined;
  return fill(form ?? (plural.select(count) === "one" ? one : many), { count, ...values });
}

export function messages() {
  return catalogue;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (gap, name) => {
    if (!(name in values)) return gap;
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : String(value);
  });
}
