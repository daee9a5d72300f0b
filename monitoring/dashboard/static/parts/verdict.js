// A verdict: the sentence that names what decided, and the rules with their figures and bounds.

import { badge, cells, element, table } from "../dom.js";
import { count, number, percent, points, words } from "../format.js";

// How verdicts of earlier releases, which have no words of their own, are told.
const CHECKS = {
  finite: "Answers are numbers", old: "Old accuracy kept", slices: "No slice lost", classes: "No class lost",
  flips: "Few negative flips", calibration: "Calibration kept", new: "New photographs learnt",
};
const POINTS = /^(lower_bound|upper_bound|difference|rise)$/;
const SHARES = /accuracy|margin|flips|limit|disagreement|power|_error$/;
const HIDDEN = /^(is_|num_right_needed|p_worse)/;

export function buildVerdict(judged) {
  return element(
    "div", { className: "verdict" },
    judged.sentence ? element("p", {}, judged.sentence) : null,
    checks(judged.checks ?? []),
    ...[["lost_classes", "Classes lost"], ["lost_slices", "Slices lost"]].map(([name, label]) => (
      judged[name]?.length ? element("p", {}, `${label}: ${judged[name].join(", ")}.`) : null
    )),
    judged.labels_needed ? element("p", {}, needed(judged.labels_needed)) : null,
  );
}

function checks(list) {
  if (!list.length) return null;
  if (list.some(({ rule }) => rule)) return table(["Rule", "Figure", "Bound", ""], list.map(ruleRow), { className: "rules" });
  return table(["Check", "Result", "On what"], list.map(numbersRow), { className: "checks" });
}

function ruleRow({ name, rule, figure, bound, note, passed }) {
  const isDecided = passed === true || passed === false;
  const columns = cells(rule || words(name), figure || "–", bound || "–", isDecided ? mark(passed) : note);
  // On a narrow screen the headings are hidden and each cell carries its own.
  columns[2].dataset.label = "bound";
  if (!isDecided) columns[3].className = "note";
  return element("tr", {}, ...columns);
}

function mark(passed) {
  const attributes = { role: "img", "aria-label": passed ? "held" : "broken" };
  return element("span", { className: `mark ${passed ? "good-text" : "bad-text"}`, attributes }, passed ? "✓" : "✗");
}

function numbersRow({ name, passed, numbers }) {
  return element("tr", {}, ...cells(CHECKS[name] ?? words(name), result(passed), told(numbers)));
}

function result(passed) {
  if (passed === true) return badge("good", "passed");
  if (passed === false) return badge("bad", "failed");
  return badge("warn", "can’t tell");
}

function told(numbers) {
  const entries = Object.entries(numbers ?? {}).filter(([name, value]) => value !== null && !HIDDEN.test(name));
  return entries.map(([name, value]) => (
    name.startsWith("num_") ? `${number(value)} ${words(name.slice(4))}` : `${words(name)} ${formatted(name, value)}`
  )).join(" · ");
}

function formatted(name, value) {
  if (typeof value !== "number") return number(value);
  if (POINTS.test(name)) return `${points(value)} points`;
  return SHARES.test(name) ? percent(value) : number(value);
}

function needed(labels) {
  if (labels.wins === undefined) {
    const kinds = Object.entries(labels).map(([kind, value]) => `${value.toLocaleString("en")} more ${words(kind)}`);
    return `What would settle it: ${kinds.join(", or ")}.`;
  }
  const answers = count(labels.wins, "more answer");
  return `What would settle it: ${answers} for the candidate, of ${count(labels.open, "open question")}.`;
}
