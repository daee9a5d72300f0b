// Corrects a prediction: asks what its image shows, sends that as a label, and says what became of it.

import { post } from "../api.js";
import { element, hint } from "../dom.js";
import { buildClasses, remember } from "./classes.js";

const OUTCOMES = {
  accepted: "Taken as a new sample.", duplicate: "That was known already.", corrected: "Your earlier label was corrected.",
  conflict: "Others say otherwise: a person has to settle it, under Labelling.", quarantined: "Production knows no such class: it is set aside.",
};

// Resolves to {label, status}, which `thanks` puts into words.
export async function sendLabel(predictionId, label) {
  const { status } = await post("/v1/feedback", { prediction_id: predictionId, label });
  remember(label);
  return { label, status };
}

export function thanks({ label, status }) {
  return `${label}: ${OUTCOMES[status] ?? status}`;
}

export function buildCorrection({ classes, chosen }, correct) {
  return element(
    "div", {}, hint("What does it show? Your answer is a label, from which the next round learns."),
    element("div", { className: "choice" }, ...buildClasses({ classes, chosen }, correct, null)),
  );
}
