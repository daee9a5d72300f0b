// Whether the images that come in still look like those that were learnt.

import { get } from "../api.js";
import { show } from "../dom.js";
import { start } from "../frame.js";
import { buildDrift } from "../parts/drift.js";

start(async () => show(document.getElementById("drift"), await get("/v1/drift"), buildDrift));
