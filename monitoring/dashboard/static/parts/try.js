// Try it: an image is dropped or chosen, answered, and the answer corrected.

import { postImage } from "../api.js";
import { element, show } from "../dom.js";
import { percent } from "../format.js";
import { buildCorrection, sendLabel, thanks } from "./correcting.js";

const byId = (id) => document.getElementById(id);
let classes = [];
let asked = null;
let afterwards = async () => {};
let complain = () => {};

// `onLabel` is called once a label arrived; `onProblem` is told what was refused.
export function setUpTry(onLabel, onProblem) {
  afterwards = onLabel;
  complain = onProblem;
  const zone = byId("try-zone");
  byId("try-file").addEventListener("change", ({ target }) => { if (target.files[0]) ask(target.files[0]); });
  for (const name of ["dragover", "dragleave", "drop"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.toggle("over", name === "dragover"); });
  }
  zone.addEventListener("drop", ({ dataTransfer }) => { if (dataTransfer.files[0]) ask(dataTransfer.files[0]); });
}

export function showClasses(names) {
  classes = names;
}

async function ask(file) {
  if (asked) URL.revokeObjectURL(asked.address);
  asked = { address: URL.createObjectURL(file), prediction: null, told: null };
  draw();
  try {
    asked.prediction = await postImage("/v1/predict", file);
  } catch (refusal) {
    asked = null;
    complain(refusal.message, true);
  }
  draw();
}

async function correct(label) {
  try {
    asked.told = await sendLabel(asked.prediction.prediction_id, label);
    draw();
    await afterwards();
  } catch (refusal) {
    complain(refusal.message, true);
  }
}

function draw() {
  show(byId("try-answer"), asked, () => (asked ? [shown(asked), asked.prediction ? answered(asked) : null] : []));
}

function shown({ address, prediction }) {
  const alt = prediction ? `Your image, answered with ${prediction.label}` : "Your image";
  return element("img", { className: "tried", src: address, alt });
}

function answered({ prediction, told }) {
  const { label, confidence, top, model_version: version } = prediction;
  return element(
    "div", { className: "tried-answer", attributes: { role: "status" } },
    element("p", { className: "headline" }, label, element("span", { className: "of" }, ` ${percent(confidence)} sure, says ${version}`)),
    element("ul", { className: "bars" }, ...top.slice(0, 5).map(bar)),
    told ? element("p", {}, thanks(told)) : null,
    buildCorrection({ classes, chosen: told?.label }, correct),
  );
}

function bar({ label, confidence }) {
  const meter = element("meter", { value: confidence, min: 0, max: 1, attributes: { "aria-label": label } });
  const name = element("span", { className: "bar-label" }, label);
  return element("li", {}, name, meter, element("span", { className: "bar-value" }, percent(confidence)));
}
