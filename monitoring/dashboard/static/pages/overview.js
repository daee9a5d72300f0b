// The overview: is all well, how good is it, what comes next, what waits; and a try.

import { get } from "../api.js";
import { element, quiet, show } from "../dom.js";
import { goingOn, problem, refreshNow, start } from "../frame.js";
import { buildAccuracy } from "../parts/accuracy.js";
import { buildDriftWords, judgeDrift, nextMeasurement } from "../parts/drift.js";
import { buildGallery } from "../parts/gallery.js";
import { buildHealth, whatIsTheMatter } from "../parts/health.js";
import { buildLatency } from "../parts/latency.js";
import { buildLearning } from "../parts/learning.js";
import { buildServing } from "../parts/serving.js";
import { buildTraffic } from "../parts/traffic.js";
import { setUpTry, showClasses } from "../parts/try.js";
import { buildWaiting } from "../parts/waiting.js";

const NONE = "None yet: try an image above, or send one to POST /v1/predict.";
const byId = (id) => document.getElementById(id);

setUpTry(refreshNow, problem);
start(async (status, answeredAlarms) => {
  const alarms = goingOn(answeredAlarms);
  const [{ rounds }, drift, accuracy, { predictions }, traffic, latency] = await Promise.all([
    get("/v1/rounds?limit=5"), get("/v1/drift?limit=100"), get("/v1/accuracy?limit=100"),
    get("/v1/predictions?limit=12"), get("/v1/traffic?hours=48"), get("/v1/latency"),
  ]);
  const matters = whatIsTheMatter({ status, alarms, drift: judgeDrift(drift) });
  show(byId("health"), { matters, production: status.production }, buildHealth);
  show(byId("accuracy"), accuracy, buildAccuracy);
  show(byId("drift"), { drift, next: nextMeasurement(drift, status.learner) }, buildDriftWords);
  const last = rounds.find((round) => round.ended);
  show(byId("learning"), { status, hasRounds: Boolean(last), isBrief: true, last }, buildLearning);
  show(byId("waiting"), { status, numAlarms: alarms.filter(({ state }) => state === "open").length }, buildWaiting);
  show(byId("serving"), status, buildServing);
  show(byId("traffic"), traffic, buildTraffic);
  show(byId("latency"), latency, buildLatency);
  showClasses(status.classes);
  show(byId("predictions"), predictions, (list) => (list.length ? buildGallery(list) : quiet(NONE)));
});
