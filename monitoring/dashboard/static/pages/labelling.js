// What waits for a label: questions, one at a time, and disputes.

import { get } from "../api.js";
import { problem, start } from "../frame.js";
import { showDisputes } from "../parts/disputes.js";
import { setUpQueue, showQueue } from "../parts/queue.js";

setUpQueue(problem);
start(async (status) => {
  const [queue, { disputes }] = await Promise.all([get("/v1/queue?limit=24"), get("/v1/disputes?limit=20")]);
  showQueue(queue, status.trial);
  showDisputes(document.getElementById("disputes"), disputes, status.num_disputes);
});
