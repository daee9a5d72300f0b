// What every page has: it asks for the state every five seconds and shows who waits; each page adds its own.

import { setUpActions } from "./actions.js";
import { get, getIfThere, key, useKey } from "./api.js";
import { refreshTimes } from "./format.js";

const POLL_MILLISECONDS = 5000;

const byId = (id) => document.getElementById(id);
let refreshPage = async () => {};
let problemUntil = 0;
let isRefreshing = false;

// `refresh` is given the server's state, and shows the page; it is asked again while the page is looked at.
export function start(refresh) {
  refreshPage = refresh;
  byId("key").value = key();
  byId("key-form").hidden = !key();
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    useKey(byId("key").value.trim());
    refreshNow();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refreshNow(); });
  setUpActions(refreshNow, problem);
  poll();
}

export async function refreshNow() {
  // One at a time: an answer that comes late would show what is no more.
  if (isRefreshing) return;
  isRefreshing = true;
  try {
    const [status, alarms] = await Promise.all([get("/v1/status"), getIfThere("/v1/alarms")]);
    showWaiting(status, alarms);
    await refreshPage(status, alarms);
    connected(true);
    if (Date.now() > problemUntil) byId("problem").hidden = true;
  } catch (refusal) {
    connected(false);
    problem(refusal.message);
    if (refusal.status === 401 || refusal.status === 403) wantKey();
  }
  isRefreshing = false;
  refreshTimes();
}

export function problem(text, stays = false) {
  const node = byId("problem");
  node.textContent = text;
  node.hidden = false;
  if (stays) problemUntil = Date.now() + 10000;
}

// How much waits for a person, beside the entries of the menu.
function showWaiting({ num_questions, num_disputes, num_unknown_labels, round }, alarms) {
  showCount("labelling", num_questions + num_disputes, "to label or settle");
  showCount("classes", num_unknown_labels ?? 0, "to accept, merge or reject");
  showCount("rounds", round?.state === "awaiting_approval" ? 1 : 0, "to approve");
  showCount("alarms", goingOn(alarms).filter(({ state }) => state === "open").length, "nobody looked at yet");
}

// The alarms that have not ended, whether somebody looked at them or not.
export function goingOn(alarms) {
  return (alarms?.alarms ?? []).filter(({ ended }) => !ended);
}

function showCount(name, num, meaning) {
  const node = byId(`waiting-${name}`);
  node.hidden = !num;
  node.textContent = num > 999 ? "999+" : String(num);
  node.setAttribute("aria-label", `${num.toLocaleString("en")} ${meaning}`);
}

function wantKey() {
  byId("key-form").hidden = false;
  byId("key-form").classList.add("wanted");
}

function connected(isConnected) {
  const node = byId("connection");
  const text = isConnected ? "live" : "not connected";
  if (node.textContent !== text) node.textContent = text;
  node.classList.toggle("on", isConnected);
  if (isConnected) byId("key-form").classList.remove("wanted");
}

async function poll() {
  if (!document.hidden) await refreshNow();
  setTimeout(poll, POLL_MILLISECONDS);
}
