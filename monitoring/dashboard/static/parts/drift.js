// Drift in words: whether the images that come in still look like those that were learnt, and since when.

import { buildChart } from "../chart.js";
import { element, hint, quiet } from "../dom.js";
import { count, day, number, since, words } from "../format.js";
import { KINDS } from "./alarms.js";

const NOT_MEASURED = { mmd: null, null_95: null };
// Of what chance alone gives: from here on it is strong.
const STRONG = 3;
const WORDS = {
  none: ["good", "No drift", "The images that come in look like those that were learnt."],
  slight: ["plain", "Slight drift", "The images that come in look a little different from those that were learnt."],
  strong: [
    "warn", "Strong drift",
    "The images that come in look different from those that were learnt. Label some, so that the next round learns them.",
  ],
  unknown: ["plain", "Not measured yet", ""],
};

// Says none, slight or strong, and since when. One window in twenty is over the line by chance alone, so that
// two in a row are needed.
export function judgeDrift({ points, production }) {
  const own = points.filter((point) => point.version === production && Number.isFinite(point.mmd) && Number.isFinite(point.null_95));
  if (!own.length) return { level: "unknown", since: null, last: null };
  const calm = own.findIndex((point) => point.mmd <= point.null_95);
  const run = calm < 0 ? own : own.slice(0, calm);
  if (run.length < 2) return { level: "none", since: null, last: own[0] };
  const ratio = Math.min(run[0].mmd / run[0].null_95, run[1].mmd / run[1].null_95);
  return { level: ratio > STRONG ? "strong" : "slight", since: run.at(-1).created, last: own[0] };
}

// `next` is what `nextMeasurement` says.
export function buildDriftWords({ drift, next }) {
  const judged = judgeDrift(drift);
  const [kind, title, sentence] = WORDS[judged.level];
  return element(
    "div", { className: `verdict-words ${kind}` },
    element("p", { className: "headline" }, title, judged.since ? element("span", { className: "of" }, ` since ${day(judged.since)}`) : null),
    element("p", {}, judged.level === "unknown" ? wanted(drift) : sentence),
    judged.last ? hint(measuredOn(judged.last, drift.production), since(judged.last.created), ".") : null,
    next ? hint(next) : null,
  );
}

// When drift is measured next, or what is missing for it; "" where the version has nothing to compare with.
export function nextMeasurement({ production, has_reference: hasReference, next_by: by, num_missing: numMissing, points }, { is_alive: isAlive }) {
  if (!hasReference) return "";
  if (!isAlive) return "Nothing is measured until a learner is at work: “perennial learn” starts one.";
  const isFirst = !points.some(({ version }) => version === production);
  if (by && new Date(by) < Date.now()) return "The next measurement is due.";
  if (by) return `${isFirst ? "Measured" : "Measured again"} by ${new Date(by).toLocaleTimeString("en-GB")}.`;
  if (isFirst || numMissing > 1) return `${count(numMissing, "more prediction")} by ${production} until it is measured${isFirst ? "" : " again"}.`;
  return `Measured again within a minute of the next prediction by ${production}.`;
}

function measuredOn({ num_samples: num }, production) {
  return `Measured on the last ${number(num)} predictions of ${production}, `;
}

function wanted({ has_reference: hasReference, production }) {
  if (!production) return "There is no version in production yet.";
  return hasReference
    ? "It takes 50 predictions of the version in production, and is measured by the learner."
    : "The version in production has no images to compare with. The next promoted round, or “perennial train”, brings them.";
}

export function buildDriftChart({ points: newestFirst, alarms }) {
  const measured = [...newestFirst].reverse().filter((point) => Number.isFinite(point.mmd));
  if (!measured.length) return quiet("Each measurement becomes a point here.");
  // An alarm before the first point is not on the chart; one after the last makes it longer.
  const shown = alarms.filter(({ raised }) => raised >= measured[0].created).sort((one, other) => (one.raised < other.raised ? -1 : 1));
  const points = [
    ...measured.flatMap((point, index) => withGap(point, measured[index - 1])),
    ...shown.filter(({ raised }) => raised > measured.at(-1).created).map(({ raised, version }) => ({ ...NOT_MEASURED, created: raised, version })),
  ];
  const promotions = measured.filter(({ version }, index) => version !== measured[index - 1]?.version);
  return buildChart({
    label: "Drift over time, beside what chance alone gives",
    times: points.map(({ created }) => seconds(created)),
    notes: notesOf(points, shown),
    lines: [
      { name: "distance from what was learnt", colour: "--accent", spanGaps: false, values: points.map(({ mmd }) => mmd) },
      { name: "chance alone stays under this", colour: "--warn", spanGaps: false, isDashed: true, values: points.map(limitOf) },
    ],
    marks: [
      ...promotions.map(({ version, created }) => ({ time: seconds(created), text: version })),
      ...shown.map(({ raised }) => ({ time: seconds(raised), text: "alarm", colour: "--bad", row: 1 })),
    ],
    written: number,
  });
}

// At each point the version, and the alarms that were raised since the point before.
function notesOf(points, alarms) {
  return points.map(({ created, version }, index) => {
    const before = points[index - 1]?.created ?? "";
    const raised = alarms.filter((alarm) => alarm.raised <= created && alarm.raised > before);
    return [version, ...raised.map(({ id, kind }) => `alarm ${id}: ${KINDS[kind] ?? words(kind)}`)].join(", ");
  });
}

function seconds(iso) {
  return new Date(iso).getTime() / 1000;
}

function limitOf({ null_95: limit }) {
  return limit ?? null;
}

// Each version is compared with its own images: no line leads from one to the next.
function withGap(point, before) {
  if (!before || before.version === point.version) return [point];
  const created = new Date(new Date(point.created).getTime() - 1).toISOString();
  return [{ ...NOT_MEASURED, created, version: point.version }, point];
}
