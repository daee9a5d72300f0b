// One prediction: its image, what was answered, the label that corrects it, and images like it.

import { get } from "../api.js";
import { quiet, show } from "../dom.js";
import { problem, refreshNow, start } from "../frame.js";
import { buildAnswer } from "../parts/answer.js";
import { buildCorrection, sendLabel, thanks } from "../parts/correcting.js";
import { Several } from "../parts/several.js";
import { buildSimilar } from "../parts/similar.js";
import { picture } from "../picture.js";

const byId = (id) => document.getElementById(id);
const id = location.pathname.split("/").at(-1);
let told = null;
// Compared once, and again after a label: it is no question for every five seconds.
let similar = null;
const several = new Several("similar", renew, problem);

start(async ({ classes }) => {
  const prediction = await get(`/v1/predictions/${id}`).catch((refusal) => {
    show(byId("answer"), refusal.message, () => quiet("There is nothing to show."));
    throw refusal;
  });
  const { label, true_label: truth } = prediction;
  show(byId("picture"), label, () => picture(`/v1/predictions/${id}/image`, `The image that was answered with ${label}`, { className: "asked" }));
  show(byId("answer"), prediction, buildAnswer);
  show(byId("correction"), { classes, chosen: told?.label ?? truth }, (content) => buildCorrection(content, correct));
  similar ??= await get(`/v1/predictions/${id}/similar`);
  show(byId("several"), null, () => several.panel);
  show(byId("similar"), similar, () => buildSimilar(similar, (each, text) => several.box(each, text)));
  several.update(similar.predictions.map((each) => each.id), classes);
});

async function renew() {
  similar = null;
  await refreshNow();
}

async function correct(label) {
  try {
    told = await sendLabel(id, label);
    byId("told").textContent = thanks(told);
    await renew();
    // The buttons were built anew: who uses the keyboard goes on where they were.
    if (document.activeElement === document.body) byId("correction").querySelector("[aria-pressed=true]")?.focus();
  } catch (refusal) {
    problem(refusal.message, true);
  }
}
