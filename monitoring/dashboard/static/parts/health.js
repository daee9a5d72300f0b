// Whether all is well: what is the matter, the worst first, each in one sentence with the page that says more.

import { element, link } from "../dom.js";
import { count } from "../format.js";

const RANK = { bad: 0, warn: 1 };

// `drift` is what `judgeDrift` says; `alarms` are those that go on.
export function whatIsTheMatter({ status, alarms, drift }) {
  const matters = [
    ...serving(status),
    ...alarms.map(({ sentence, state }) => (state === "open" ? bad : warn)(sentence, "/alarms")),
    ...learning(status),
    drift.level === "strong" && !alarms.length
      ? warn("The images that come in look different from those that were learnt.", "/drift") : null,
    status.round?.state === "awaiting_approval"
      ? warn(`Round ${status.round.id} waits for your approval.`, `/rounds/${status.round.id}`) : null,
  ].filter(Boolean);
  return matters.sort((one, other) => RANK[one.kind] - RANK[other.kind]);
}

function serving({ production, workers, is_starter: isStarter }) {
  if (!production) return [bad("No version serves yet: “perennial train DIR” makes one from a folder of images.", "/versions")];
  if (!workers.length) return [bad("No worker has reported in the last seconds, so that nothing may be answered.", "/")];
  const failing = workers.filter(({ error }) => error);
  if (failing.length) return [bad(`${count(failing.length, "worker")} could not load ${production}: ${failing[0].error}`, "/")];
  if (!isStarter) return [];
  const remedy = "“perennial train DIR” puts yours in its place.";
  return [warn(`The starter model answers, which knows none of your classes: ${remedy}`, "/versions")];
}

function bad(text, href) {
  return { kind: "bad", text, href };
}

function warn(text, href) {
  return { kind: "warn", text, href };
}

function learning({ learner, paused, watch, production }) {
  return [
    learner.is_alive ? null : warn("No learner is at work, so that no round can run: “perennial learn” starts one.", "/rounds"),
    paused ? warn(`Learning is paused${paused.reason ? `: ${paused.reason}` : ""}`, "/rounds") : null,
    watch?.state === "rolled_back" && watch.predecessor === production ? warn(watch.sentence, `/versions/${watch.version}`) : null,
  ].filter(Boolean);
}

export function buildHealth({ matters, production }) {
  const kind = matters.length ? matters[0].kind : "good";
  const sentence = matters.length ? matters[0].text : `All is well: ${production} answers, and nothing is the matter.`;
  return element(
    "div", { className: `health ${kind}` },
    element("p", { className: "health-sentence" }, sign(kind), element("span", {}, sentence, matters.length ? more(matters[0]) : null)),
    matters.length > 1 ? element("ul", {}, ...matters.slice(1).map((each) => element("li", {}, each.text, more(each)))) : null,
  );
}

function sign(kind) {
  return element("span", { className: "health-sign", attributes: { "aria-hidden": "true" } }, { good: "✓", warn: "!", bad: "✗" }[kind]);
}

function more({ href }) {
  return href === location.pathname ? null : element("span", {}, " ", link(href, "More"));
}
