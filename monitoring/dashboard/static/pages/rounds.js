// The rounds: how the present one goes, and all of them, a page at a time.

import { get } from "../api.js";
import { element, quiet, show } from "../dom.js";
import { start } from "../frame.js";
import { buildLearning, untilFirst } from "../parts/learning.js";
import { beforeHere, buildPaging } from "../parts/paging.js";
import { roundLine } from "../parts/round.js";

const PAGE = 20;
const byId = (id) => document.getElementById(id);
const before = beforeHere();

start(async (status) => {
  // One more than is shown tells whether there are older ones.
  const { rounds } = await get(`/v1/rounds?limit=${PAGE + 1}${before ? `&before=${before}` : ""}`);
  const shown = rounds.slice(0, PAGE);
  show(byId("learning"), { status, hasRounds: rounds.some((round) => round.ended) }, buildLearning);
  show(byId("rounds"), shown.length ? shown : untilFirst(status), build);
  show(byId("paging"), { path: "/rounds", before, next: rounds.length > PAGE ? shown.at(-1).id : null }, buildPaging);
});

function build(content) {
  if (typeof content === "string") return quiet(content);
  return element("ul", { className: "lines" }, ...content.map(roundLine));
}
