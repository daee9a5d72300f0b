// How good production was over time: on old images, and on those that were new at each promotion.

import { buildChart } from "../chart.js";
import { element, link, quiet } from "../dom.js";
import { count, percent } from "../format.js";

const EMPTY = { accuracy: null, low: null, high: null };

export function buildAccuracy({ moves, live }) {
  return [moves.length ? now(moves.at(-1), live) : null, chart(moves)];
}

// How good production is by now, in words.
function now({ old }, live) {
  const nothing = ["nobody has labelled an image yet that was drawn by lot: they wait under ", link("/labelling", "Labelling"), "."];
  return element(
    "dl", { className: "facts", id: "accuracy-now" },
    element("dt", {}, "Live images"), element("dd", {}, ...(live ? inWords(live, "that were drawn by lot and labelled") : nothing)),
    element("dt", {}, "Old images"), element("dd", {}, ...(old ? inWords(old, "of the golden set") : ["not measured yet."])),
  );
}

function inWords({ accuracy, low, high, num_images: num }, whose) {
  return [
    element("strong", {}, percent(accuracy)), ` right, of ${count(num, "image")} ${whose}. `,
    element("span", { className: "quiet" }, `The true share lies between ${percent(low)} and ${percent(high)}, 19 times of 20.`),
  ];
}

function chart(moves) {
  const measured = moves.filter(({ old, new: after }) => old || after);
  if (!measured.length) {
    return quiet(
      "Nothing measured yet. “perennial train DIR” measures the first version on images that it did not learn from; "
      + "each promoted round adds a point.",
    );
  }
  const points = [...moves.flatMap(pointsOf), lastPoint(moves.at(-1))];
  const line = (name, colour, field, isStep) => ({
    name, colour, isStep,
    values: points.map((point) => (point[field] ?? EMPTY).accuracy),
    lows: points.map((point) => (point[field] ?? EMPTY).low),
    highs: points.map((point) => (point[field] ?? EMPTY).high),
  });
  return buildChart({
    label: `Accuracy of production on old and on new images, from ${measured[0].version} to ${moves.at(-1).version}`,
    times: points.map(({ time }) => time),
    notes: points.map(({ note }) => note),
    lines: [line("old images", "--accent", "old", true), line("new images", "--second", "new", false)],
    marks: moves.map((move) => ({ time: seconds(move.created), text: markOf(move) })),
    written: (value) => percent(value, 0),
    range: (chart, low, high) => [Math.max(0, low - 0.08), Math.min(1, high + 0.08)],
  });
}

// Just before a promotion, the earlier version answers the new images; at it, the promoted one does.
function pointsOf(move) {
  const time = seconds(move.created);
  const after = { time, note: noteOf(move), old: move.old, new: move.new };
  if (!move.new_before) return [after];
  return [{ time: time - 1, note: `${move.from_version}, on what came since`, old: null, new: move.new_before }, after];
}

// The line of old images goes on until now.
function lastPoint({ old, version, created }) {
  const time = Math.max(Date.now() / 1000, seconds(created) + 1);
  return { time, note: `${version}, until now`, old: old ? { ...old, low: null, high: null } : null, new: null };
}

function markOf({ version, is_roll_back: isRollBack }) {
  return isRollBack ? `back to ${version}` : version;
}

function noteOf(move) {
  return move.is_roll_back ? `rolled back to ${move.version}` : `${move.version} promoted`;
}

function seconds(iso) {
  return new Date(iso).getTime() / 1000;
}
