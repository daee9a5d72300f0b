// The classes to choose from: a button and a key for each, or a search where they are many.

import { button, element } from "../dom.js";

const MAX_BUTTONS = 12;
const MAX_KEYS = 9;
// The classes chosen last, for the buttons under an empty search.
let recent = [];

export function remember(name) {
  recent = [name, ...recent.filter((each) => each !== name)].slice(0, MAX_KEYS);
}

// Digits name classes where there are classes named so; elsewhere they count the buttons.
export function keysOf(names) {
  const isNamed = names.some((name) => /^[0-9]$/.test(name));
  const entries = names.map((name, index) => [isNamed ? name : String(index + 1), name]);
  return new Map(entries.filter(([key]) => /^[0-9]$/.test(key)));
}

// `onKeys` is told which key means which class, where the page has keys.
export function buildClasses({ classes, chosen, searchId = "class-search" }, choose, onKeys) {
  if (classes.length <= MAX_BUTTONS) return buttons(classes, chosen, choose, onKeys);
  const matches = element("div", { className: "classes" });
  const input = element("input", {
    type: "search", id: searchId, placeholder: `Search ${classes.length.toLocaleString("en")} classes`,
    attributes: { "aria-label": "Search the classes", autocomplete: "off" },
  });
  const list = () => matching(classes, input.value, chosen);
  const showMatches = () => matches.replaceChildren(...buttons(list(), chosen, choose, onKeys));
  input.addEventListener("input", showMatches);
  const form = element("form", {}, input);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value && list().length) choose(list()[0]);
  });
  showMatches();
  return [form, matches];
}

function matching(classes, text, chosen) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [...new Set([chosen, ...recent])].filter((name) => classes.includes(name)).slice(0, MAX_KEYS);
  const place = (name) => name.toLowerCase().indexOf(wanted);
  const matches = classes.filter((name) => place(name) >= 0);
  // A name that begins so comes before one that has it further on, and the shorter one first.
  return matches.sort((one, other) => place(one) - place(other) || one.length - other.length).slice(0, MAX_KEYS);
}

function buttons(names, chosen, choose, onKeys) {
  const keys = onKeys ? keysOf(names) : new Map();
  onKeys?.(keys);
  const keyOf = new Map([...keys].map(([key, name]) => [name, key]));
  return names.map((name) => button(
    // A class that is named as its key needs no sign for it.
    [keyOf.has(name) && keyOf.get(name) !== name ? element("kbd", {}, keyOf.get(name)) : null, name],
    () => choose(name),
    { className: "class", attributes: { "aria-pressed": String(name === chosen) } },
  ));
}
