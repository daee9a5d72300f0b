// Whether the images that come in still look like those that were learnt.

import { get } from "../api.js";
import { show } from "../dom.js";
import { start } from "../frame.js";
import { buildDriftChart, buildDriftWords, nextMeasurement } from "../parts/drift.js";

start(async ({ learner }, answeredAlarms) => {
  const drift = await get("/v1/drift");
  show(document.getElementById("drift"), { drift, next: nextMeasurement(drift, learner) }, buildDriftWords);
  show(document.getElementById("chart"), { points: drift.points, alarms: answeredAlarms?.alarms ?? [] }, buildDriftChart);
});
