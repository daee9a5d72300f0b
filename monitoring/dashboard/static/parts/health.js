// Whether all is well: what is the matter, the worst first, each in one sentence with the page that says more.

import { element, link } from "../dom.js";
import { count } from "../format.js";

const RANK = { bad: 0, warn: 1 };

// `drift` is what `judgeDrift` says; `alarms` are those that go on.
export function whatIsTheMatter({ status, alarms, drift }) {
  const found = [
    ...serving(status),
    ...alarms.map(({ sentence, state }) => ({ kind: state === "open" ? "bad" : "warn", text: sentence, href: "/alarms" })),
    ...learning(status),
    drift.level === "strong" && !alarms.length
      ? { kind: "warn", text: "The images that come in look different from those that were learnt.", href: "/drift" } : null,
    status.round?.state === "awaiting_approval"
      ? { kind: "warn", text: `Round ${status.round.id} waits for your approval.`, href: `/rounds/${status.round.id}` } : null,
  ].filter(Boolean);
  return found.sort((one, other) => RANK[one.kind] - RANK[other.kind]);
}

function serving({ production, workers, is_starter: isStarter }) {
  if (!production) return [{ kind: "bad", text: "No version serves yet: “perennial train DIR” makes one from a folder of images.", href: "/versions" }];
  if (!workers.length) return [{ kind: "bad", text: "No worker has reported in the last seconds, so that nothing may be answered.", href: "/" }];
  const failing = workers.filter(({ error }) => error);
  if (failing.length) return [{ kind: "bad", text: `${count(failing.length, "worker")} could not load ${production}: ${failing[0].error}`, href: "/" }];
  if (isStarter) return [{ kind: "warn", text: "The starter model answers, which knows none of your classes: “perennial train DIR” puts yours in its place.", href: "/versions" }];
  return [];
}

function learning({ learner, paused, watch, production }) {
  return [
    learner.is_alive ? null : { kind: "warn", text: "No learner is at work, so that no round can run: “perennial learn” starts one.", href: "/rounds" },
    paused ? { kind: "warn", text: `Learning is paused${paused.reason ? `: ${paused.reason}` : ""}`, href: "/rounds" } : null,
    watch?.state === "rolled_back" && watch.predecessor === production ? { kind: "warn", text: watch.sentence, href: `/versions/${watch.version}` } : null,
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
