// One round: how it goes, or what became of it, with its verdict, attempts, curves and steps.

import { get } from "../api.js";
import { element, show } from "../dom.js";
import { start } from "../frame.js";
import { buildProgress, roundControls } from "../parts/learning.js";
import { buildDetail, stateBadge } from "../parts/round.js";

const byId = (id) => document.getElementById(id);
const id = location.pathname.split("/").at(-1);

start(async ({ round: current, trial }) => {
  const round = await get(`/v1/rounds/${id}`);
  show(byId("state"), round.state, () => stateBadge(round));
  show(byId("progress"), current?.id === round.id ? { current, trial } : null, buildNow);
  show(byId("round"), round, buildDetail);
});

function buildNow(now) {
  if (!now) return [];
  return [buildProgress(now.current, now.trial), element("div", { className: "row" }, ...roundControls(now.current))];
}
