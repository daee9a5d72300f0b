// Asks for the state every two seconds and hands it to the sections.

import { setUpActions } from "./actions.js";
import { get, key, useKey } from "./api.js";
import { showDisputes } from "./disputes.js";
import { show } from "./dom.js";
import { buildDrift } from "./drift.js";
import { buildForgetting } from "./forgetting.js";
import { refreshTimes } from "./format.js";
import { buildLearning } from "./learning.js";
import { setUpQueue, showQueue } from "./queue.js";
import { showRounds } from "./rounds.js";
import { buildServing } from "./serving.js";
import { buildVersions } from "./versions.js";

const POLL_MILLISECONDS = 2000;
// What changes seldom is fetched every fifth time, and whenever the round or production changed.
const SLOW_EVERY = 5;

const byId = (id) => document.getElementById(id);
let turn = 0;
let lastSeen = "";
let problemUntil = 0;

async function refresh() {
  try {
    const [status, { rounds }] = await Promise.all([get("/v1/status"), get("/v1/rounds?limit=20")]);
    show(byId("serving"), status, buildServing);
    show(byId("learning"), { status, hasRounds: rounds.some((round) => round.ended) }, buildLearning);
    showRounds(byId("rounds"), rounds, status, problem);
    const seen = JSON.stringify([status.production, status.round?.state, status.num_questions, status.num_disputes]);
    if (turn % SLOW_EVERY === 0 || seen !== lastSeen) await refreshSlow(status);
    lastSeen = seen;
    turn += 1;
    connected(true);
    if (Date.now() > problemUntil) byId("problem").hidden = true;
  } catch (refusal) {
    connected(false);
    problem(refusal.message);
    if (refusal.status === 401 || refusal.status === 403) wantKey();
  }
  refreshTimes();
}

async function refreshSlow(status) {
  const [{ models }, forgetting, drift, queue, { disputes }] = await Promise.all([
    get("/v1/models?limit=20"), get("/v1/forgetting"), get("/v1/drift"), get("/v1/queue?limit=24"),
    get("/v1/disputes?limit=20"),
  ]);
  show(byId("versions"), { models, production: status.production }, buildVersions);
  show(byId("forgetting"), forgetting, buildForgetting);
  show(byId("drift"), drift, buildDrift);
  showQueue(queue, status.trial);
  showDisputes(byId("disputes"), disputes, status.num_disputes);
}

function wantKey() {
  byId("key-form").hidden = false;
  byId("key-form").classList.add("wanted");
}

function connected(isConnected) {
  const node = byId("connection");
  node.textContent = isConnected ? "live" : "not connected";
  node.classList.toggle("on", isConnected);
  if (isConnected) byId("key-form").classList.remove("wanted");
}

function problem(text, stays = false) {
  const node = byId("problem");
  node.textContent = text;
  node.hidden = false;
  if (stays) problemUntil = Date.now() + 10000;
}

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, POLL_MILLISECONDS);
}

byId("key").value = key();
byId("key-form").hidden = !key();
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(byId("key").value.trim());
  turn = 0;
  refresh();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
setUpQueue(problem);
setUpActions(() => { turn = 0; return refresh(); }, problem);
poll();
