// The rounds; each opens to its verdict, attempts and steps.

import { get } from "./api.js";
import { buildCurves } from "./curves.js";
import { element, show } from "./dom.js";
import { count, since, words } from "./format.js";
import { inline, untilFirst } from "./learning.js";
import { badge } from "./serving.js";
import { buildVerdict } from "./verdict.js";

const KINDS = {
  promoted: "good", rejected: "bad", failed: "bad", inconclusive: "warn", cancelled: "", awaiting_approval: "warn",
  awaiting_labels: "warn",
};
const DECISIONS = { passed: "good", inconclusive: "warn", awaiting_labels: "warn" };

const nodes = new Map();

// Each round keeps its node, so that what was opened stays open.
export function showRounds(container, rounds, status, onProblem) {
  if (!rounds.length) {
    const text = untilFirst(status);
    show(container, text, () => element("p", { className: "quiet" }, text));
    return;
  }
  const wanted = rounds.map((round) => {
    const node = nodes.get(round.id) ?? makeNode(round.id, onProblem);
    nodes.set(round.id, node);
    show(node.querySelector("summary"), round, summary);
    refreshDetail(node, round, onProblem);
    return node;
  });
  const present = [...container.children];
  if (present.length === wanted.length && present.every((node, index) => node === wanted[index])) return;
  container.replaceChildren(...wanted);
}

function makeNode(id, onProblem) {
  const node = element("details", { className: "round", dataset: { id } }, element("summary"), element("div", { className: "detail" }));
  node.addEventListener("toggle", () => loadDetail(node, onProblem));
  node.id = `round-${id}`;
  // A link such as /#round-4 opens that round.
  node.open = location.hash === `#${node.id}`;
  return node;
}

function refreshDetail(node, round, onProblem) {
  const isRunning = !round.ended;
  const changed = node.dataset.state !== round.state;
  node.dataset.state = round.state;
  if (node.open && (isRunning || changed)) loadDetail(node, onProblem);
}

async function loadDetail(node, onProblem) {
  if (!node.open) return;
  try {
    const detail = await get(`/v1/rounds/${node.dataset.id}`);
    show(node.querySelector(".detail"), detail, buildDetail);
  } catch (refusal) {
    onProblem(refusal.message);
  }
}

function summary(round) {
  const move = round.candidate ? `${round.production ?? "nothing"} → ${round.candidate}` : "";
  return [
    element("span", { className: "round-title" }, `Round ${round.id}`, badge(KINDS[round.state] ?? "busy", words(round.state)), move),
    since(round.ended ?? round.started ?? round.created),
    element("span", { className: "sentence" }, round.sentence ?? round.reason ?? round.trigger),
  ];
}

function buildDetail(round) {
  const counts = Object.entries(round.num_samples ?? {}).map(([role, value]) => `${value.toLocaleString("en")} ${role}`);
  return [
    // Its sentence stands above, in the summary.
    round.verdict ? buildVerdict({ ...round.verdict, sentence: "" }) : null,
    element("p", { className: "hint" }, `Asked for by ${round.requested_by}: ${round.trigger}.`.replace("..", ".")),
    round.sentence && round.reason && round.reason !== round.sentence ? element("p", { className: "hint" }, round.reason) : null,
    counts.length ? element("p", { className: "hint" }, `Samples: ${counts.join(", ")}.`) : null,
    curves(round),
    ...attempts(round),
    steps(round),
  ];
}

function curves(round) {
  const built = buildCurves(round.curves);
  return built ? element("div", {}, element("h3", {}, "Training"), built) : null;
}

function attempts({ attempts, verdict: final }) {
  const others = attempts.filter((attempt) => attempts.length > 1 || !final);
  return others.map(({ attempt, cure, verdict: judged }) => element(
    "details", { className: "attempt" },
    element("summary", {}, `Attempt ${attempt}: ${words(cure)}`, badge(DECISIONS[judged.decision] ?? "bad", words(judged.decision))),
    buildVerdict(judged),
  ));
}

function steps({ steps: list }) {
  if (!list.length) return null;
  return element(
    "details", { className: "attempt" },
    element("summary", {}, count(list.length, "step")),
    element("ol", { className: "log" }, ...list.map((step) => element(
      "li", {}, since(step.created), ` ${words(step.step)}${inline(step.detail)}`,
    ))),
  );
}
