// One round: its verdict, attempts, curves and steps.

import { get } from "../api.js";
import { show } from "../dom.js";
import { start } from "../frame.js";
import { buildDetail, stateBadge } from "../parts/round.js";

const byId = (id) => document.getElementById(id);
const id = location.pathname.split("/").at(-1);

start(async () => {
  const round = await get(`/v1/rounds/${id}`);
  show(byId("state"), round.state, () => stateBadge(round));
  show(byId("round"), round, buildDetail);
});
