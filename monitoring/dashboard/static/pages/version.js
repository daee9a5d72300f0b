// One version: where it came from, how good it is, and how it was trained.

import { get } from "../api.js";
import { element, show } from "../dom.js";
import { start } from "../frame.js";
import { buildCurves } from "../parts/curves.js";
import { buildVersions } from "../parts/versions.js";

const byId = (id) => document.getElementById(id);
const version = decodeURIComponent(location.pathname.split("/").at(-1));

start(async ({ production }) => {
  const model = await get(`/v1/models/${encodeURIComponent(version)}`);
  show(byId("version"), { models: [model], production }, buildVersions);
  show(byId("training"), model.curves, (curves) => buildCurves(curves) ?? element("p", { className: "quiet" }, "No curves were kept."));
});
