// Numbers and times, as people read them.

import { element } from "./dom.js";

export function percent(fraction, digits = 1) {
  return Number.isFinite(fraction) ? `${(100 * fraction).toFixed(digits)} %` : "–";
}

export function points(fraction) {
  if (!Number.isFinite(fraction)) return "–";
  const value = (100 * fraction).toFixed(1);
  return `${Number(value) > 0 ? "+" : ""}${value.replace("-", "−")}`;
}

export function number(value) {
  if (typeof value !== "number") return String(value ?? "–");
  if (Number.isInteger(value)) return value.toLocaleString("en");
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1).replace("-", "−");
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

export function count(value, noun, plural = `${noun}s`) {
  return `${value.toLocaleString("en")} ${value === 1 ? noun : plural}`;
}

// A short time: 25 ms, 2.5 s.
export function duration(seconds) {
  return seconds < 1 ? `${number(1000 * seconds)} ms` : `${number(seconds)} s`;
}

// A slice by what its images are.
export function sliceName(name) {
  const [kind, id] = name.split(/-(?=[^-]*$)/);
  if (kind === "golden") return id === "1" ? "golden set" : `golden set ${id}`;
  if (kind === "round") return `new in round ${id}`;
  if (kind === "history") return "older rounds";
  return name;
}

// What a version gained or lost, such as "lost 2.5 points".
export function change(gain) {
  const size = Math.abs(100 * gain).toFixed(1);
  if (size === "0.0") return "unchanged";
  return `${gain < 0 ? "lost" : "gained"} ${size} points`;
}

export function words(name) {
  return String(name).replaceAll("_", " ");
}

export function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// A <time> whose text `refreshTimes` keeps current, so that what holds it need not be rebuilt.
export function since(iso) {
  if (!iso) return "–";
  const moment = new Date(iso);
  return element("time", { dateTime: iso, title: moment.toLocaleString() }, ago(moment));
}

// A day to come, such as "14 December".
export function day(iso) {
  return new Date(iso).toLocaleDateString("en-GB", { day: "numeric", month: "long" });
}

export function refreshTimes() {
  for (const node of document.querySelectorAll("time")) {
    const text = ago(new Date(node.dateTime));
    if (node.textContent !== text) node.textContent = text;
  }
}

function ago(moment) {
  const seconds = Math.max(0, (Date.now() - moment) / 1000);
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${10 * Math.floor(seconds / 10)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}
