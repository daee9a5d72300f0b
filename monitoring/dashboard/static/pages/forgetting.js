// Whether what was learnt earlier is still known.

import { get } from "../api.js";
import { show } from "../dom.js";
import { start } from "../frame.js";
import { buildForgetting } from "../parts/forgetting.js";

start(async () => show(document.getElementById("forgetting"), await get("/v1/forgetting"), buildForgetting));
