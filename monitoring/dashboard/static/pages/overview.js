// The overview: what serves, and how far the next round is.

import { get } from "../api.js";
import { show } from "../dom.js";
import { start } from "../frame.js";
import { buildLearning } from "../parts/learning.js";
import { buildServing } from "../parts/serving.js";

const byId = (id) => document.getElementById(id);

start(async (status) => {
  const { rounds } = await get("/v1/rounds?limit=5");
  show(byId("serving"), status, buildServing);
  show(byId("learning"), { status, hasRounds: rounds.some((round) => round.ended) }, buildLearning);
});
