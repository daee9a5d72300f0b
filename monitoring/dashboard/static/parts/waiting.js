// What waits for a person, each with the page where it is done.

import { element, link, quiet } from "../dom.js";
import { count } from "../format.js";

export function buildWaiting({ status, numAlarms }) {
  const { num_questions: numQuestions, num_disputes: numDisputes, num_unknown_labels: numLabels, round, trial } = status;
  const items = [
    numAlarms ? [link("/alarms", count(numAlarms, "alarm")), " to look at"] : null,
    round?.state === "awaiting_approval" ? [link(`/rounds/${round.id}`, `Round ${round.id}`), " to approve or cancel"] : null,
    numQuestions ? [link("/labelling", count(numQuestions, "image")), " to label", trial ? `, for round ${trial.round}` : ""] : null,
    numDisputes ? [link("/labelling", count(numDisputes, "disputed label")), " to settle"] : null,
    numLabels ? [link("/classes", count(numLabels, "new class", "new classes")), " to accept, merge or reject"] : null,
  ].filter(Boolean);
  if (!items.length) return quiet("Nothing. Questions, disputes, approvals and alarms would stand here.");
  return element("ul", { className: "plain" }, ...items.map((parts) => element("li", {}, ...parts)));
}
