// What was answered on one image, by whom and when, and whether it was right.

import { element, link } from "../dom.js";
import { percent, since } from "../format.js";

export function buildAnswer({ label, confidence, version, source, created, true_label: truth }) {
  return [
    element("p", { className: "headline" }, label, element("span", { className: "of" }, ` ${percent(confidence)} sure, says ${version}`)),
    outcome(label, truth),
    element(
      "dl", { className: "facts" },
      element("dt", {}, "Answered by"), element("dd", {}, link(`/versions/${version}`, version)),
      element("dt", {}, "Asked by"), element("dd", {}, source),
      element("dt", {}, "When"), element("dd", {}, new Date(created).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" }), ", ", since(created)),
      element("dt", {}, "Its label"), element("dd", {}, truth ?? "none yet"),
    ),
  ];
}

function outcome(label, truth) {
  if (truth === null) return element("p", { className: "quiet" }, "Nobody has said yet whether that is right.");
  const isRight = truth === label;
  return element("p", { className: isRight ? "good-text" : "bad-text" }, isRight ? "✓ right, by its label" : `✗ wrong: it is ${truth}, by its label`);
}
