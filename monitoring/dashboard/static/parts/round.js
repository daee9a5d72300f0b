// A round: one line of a list, or all of it with its verdict, attempts and steps.

import { buildCurves } from "./curves.js";
import { badge, element, hint, link } from "../dom.js";
import { count, since, words } from "../format.js";
import { inline } from "./learning.js";
import { buildVerdict } from "./verdict.js";

const KINDS = {
  promoted: "good", rejected: "bad", failed: "bad", inconclusive: "warn", cancelled: "", awaiting_approval: "warn",
  awaiting_labels: "warn",
};
const DECISIONS = { passed: "good", inconclusive: "warn", awaiting_labels: "warn" };

// One line of a list: its state, when, and what became of it.
export function roundLine(round) {
  const move = round.candidate ? `${round.production ?? "nothing"} → ${round.candidate}` : "";
  return element(
    "li", { className: "entry" },
    element(
      "div", { className: "line-title" },
      link(`/rounds/${round.id}`, `Round ${round.id}`), stateBadge(round), element("span", { className: "quiet" }, move),
      since(round.ended ?? round.started ?? round.created),
    ),
    element("p", { className: "sentence" }, round.sentence ?? round.reason ?? round.trigger),
  );
}

export function stateBadge({ state }) {
  return badge(KINDS[state] ?? "busy", words(state));
}

export function buildDetail(round) {
  const counts = Object.entries(round.num_samples ?? {}).map(([role, value]) => `${value.toLocaleString("en")} ${role}`);
  return [
    element("p", { className: "sentence-lead" }, round.sentence ?? round.reason ?? "Not decided yet."),
    round.candidate ? element(
      "p", {}, "Candidate ", link(`/versions/${round.candidate}`, round.candidate),
      ", judged against ", link(`/versions/${round.production}`, round.production), ": ",
      link(`/versions/${round.candidate}/against/${round.production}`, "compare them"), ".",
    ) : round.production ? element("p", {}, "Judged against ", link(`/versions/${round.production}`, round.production), ".") : null,
    // Its sentence stands above.
    round.verdict ? buildVerdict({ ...round.verdict, sentence: "" }) : null,
    hint(`Asked for by ${round.requested_by}: ${round.trigger}.`.replace("..", ".")),
    round.sentence && round.reason && round.reason !== round.sentence ? hint(round.reason) : null,
    ...named(round.steps),
    counts.length ? hint(`Samples: ${counts.join(", ")}.`) : null,
    curves(round),
    ...attempts(round),
    steps(round),
  ];
}

function named(list) {
  return list.filter(({ step, detail }) => step === "sources" && detail.sentence)
    .map(({ detail }) => element("p", {}, `${detail.sentence} `, link("/sources", "Look at the sources"), "."));
}

function curves(round) {
  const built = buildCurves(round.curves);
  return built ? element("div", {}, element("h3", {}, "Training"), built) : null;
}

function attempts({ attempts, verdict: final }) {
  const others = attempts.filter((attempt) => attempts.length > 1 || !final);
  return others.map(({ attempt, cure, why, verdict: judged }) => element(
    "details", { className: "attempt" },
    element("summary", {}, `Attempt ${attempt}: ${words(cure)}`, badge(DECISIONS[judged.decision] ?? "bad", words(judged.decision))),
    why ? hint(why) : null,
    buildVerdict(judged),
  ));
}

function steps({ steps: all }) {
  // The recipe is for those who make a round again: the API has it.
  const list = all.filter((step) => step.step !== "recipe");
  if (!list.length) return null;
  return element(
    "details", { className: "attempt" },
    element("summary", {}, count(list.length, "step")),
    element("ol", { className: "log" }, ...list.map((step) => element(
      "li", {}, since(step.created), ` ${words(step.step)}${inline(step.detail)}`,
    ))),
  );
}
