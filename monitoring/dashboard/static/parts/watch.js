// What the watch over the last promotion has seen, in one line.

import { badge, element } from "../dom.js";
import { number, words } from "../format.js";

const KINDS = { watching: "busy", confirmed: "good", unconfirmed: "warn", rolled_back: "bad" };

export function buildWatch(watch) {
  if (!watch) return null;
  const { state, evidence, sentence } = watch;
  return element(
    "p", { className: "watch", id: "watch" }, badge(KINDS[state] ?? "", words(state)), ` ${sentence} `,
    // The sentence of one that ended names it.
    state === "watching" ? element("span", { className: "hint" }, inWords(evidence)) : null,
  );
}

// Up to 1 there is none; 100 and more roll the version back.
function inWords(evidence) {
  return evidence > 1 ? `Evidence that it is worse: ${number(evidence)} of 100.` : "So far nothing speaks against it.";
}
