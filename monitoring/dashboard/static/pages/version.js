// One version: where it came from, how good it is, and how it was trained.

import { get } from "../api.js";
import { element, quiet, show } from "../dom.js";
import { start } from "../frame.js";
import { buildCurves } from "../parts/curves.js";
import { buildVersion } from "../parts/versions.js";

const byId = (id) => document.getElementById(id);
const version = location.pathname.split("/").at(-1);

start(async ({ production }) => {
  const model = await get(`/v1/models/${version}`);
  const lineage = production ? (await get(`/v1/models/${production}`)).lineage : null;
  show(byId("version"), { model, production, lineage }, buildVersion);
  show(byId("training"), model.curves, build);
});

function build(curves) {
  return buildCurves(curves) ?? quiet("No curves were kept of it.");
}
