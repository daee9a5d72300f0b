// Whether what was learnt earlier is still known.

import { get } from "../api.js";
import { show } from "../dom.js";
import { start } from "../frame.js";
import { buildForgetting, buildForgettingWords } from "../parts/forgetting.js";

const byId = (id) => document.getElementById(id);

start(async () => {
  const forgetting = await get("/v1/forgetting");
  show(byId("words"), forgetting, buildForgettingWords);
  byId("matrix-card").hidden = !forgetting.cells.length;
  show(byId("matrix"), forgetting, buildForgetting);
});
