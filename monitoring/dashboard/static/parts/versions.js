// The versions: one line of a list, or all that is known of one.

import { action } from "../actions.js";
import { badge, element, hint, link } from "../dom.js";
import { count, number, percent, since, words } from "../format.js";
import { buildWatch } from "./watch.js";

export function versionLine(model) {
  return element(
    "li", { className: model.is_production ? "entry current" : "entry" },
    element(
      "div", { className: "line-title" },
      link(`/versions/${model.version}`, model.version), ...marks(model),
      element("span", { className: "quiet" }, `from ${origin(model)}`), since(model.created),
    ),
    element("p", { className: "sentence" }, inShort(model)),
    model.promotion ? hint(`${model.promotion.reason} (${model.promotion.actor})`) : null,
  );
}

function marks(model) {
  return [
    model.is_production && badge("good", "production"),
    model.is_starter && badge("warn", "starter"),
    model.watch?.state === "watching" && badge("busy", "watched"),
    model.is_retired && badge("", "files dropped"),
    model.num_deleted_samples > 0 && badge("warn", `${model.num_deleted_samples} of its samples deleted`),
    model.quarantined_sources?.length > 0 && badge("warn", `learnt from ${model.quarantined_sources.join(", ")}, now quarantined`),
  ].filter(Boolean);
}

function origin({ parent, round_id: round, is_starter: isStarter }) {
  const maker = round ? `round ${round}` : isStarter ? "the start" : "“perennial train”";
  return parent ? `${parent}, by ${maker}` : maker;
}

function inShort({ metrics, num_classes: numClasses }) {
  const measured = [
    ["old", metrics.golden_accuracy], ["new", metrics.new_accuracy], ["validation", metrics.validation_accuracy],
  ].filter(([, value]) => Number.isFinite(value)).map(([name, value]) => `${percent(value)} of ${name} images right`);
  return [count(numClasses, "class", "classes"), ...measured].join(" · ");
}

export function buildVersion({ model, production, lineage }) {
  return [
    element("p", {}, ...marks(model)),
    buildWatch(model.watch),
    element(
      "dl", { className: "facts" },
      ...fact("Made", since(model.created), `, from ${origin(model)}`, ...roundLink(model)),
      ...fact("In production", ...promotion(model)),
      ...fact(count(model.num_classes, "class", "classes"), model.classes.slice(0, 8).join(", "), model.num_classes > 8 ? ", …" : ""),
      ...metricFacts(model.metrics),
    ),
    controls({ model, production, lineage }),
  ];
}

function roundLink({ round_id: round }) {
  return round ? [" (", link(`/rounds/${round}`, "what the round found"), ")"] : [];
}

function fact(name, ...parts) {
  return [element("dt", {}, name), element("dd", {}, ...parts.flat())];
}

function promotion({ promotion: last, is_production: isProduction }) {
  if (!last) return ["never"];
  return [isProduction ? "since " : "last ", since(last.created), `: ${last.reason} (${last.actor})`];
}

// Figures whose name in the API says too little on a page.
const NAMES = {
  num_golden: "Golden images", num_new: "New images that judged", num_epochs: "Epochs of training", image_size: "Pixels a side",
  share_changed: "Answers that rounding changed", temperature: "Temperature of its confidences",
};

function metricFacts(metrics) {
  const shown = Object.entries(metrics).filter(([name, value]) => name !== "description" && ["number", "string"].includes(typeof value));
  return shown.flatMap(([name, value]) => {
    if (name === "num_members" && value === 1) return [];
    if (name in NAMES) return fact(NAMES[name], name === "share_changed" ? percent(value) : number(value));
    if (name.startsWith("num_")) return fact(words(name.slice(4)), number(value));
    const isShare = /accuracy|share|_error$/.test(name) && typeof value === "number" && value <= 1;
    return fact(words(name), isShare ? percent(value) : number(value));
  });
}

function controls({ model, production, lineage }) {
  const { version, parent } = model;
  const compared = model.is_production ? parent : production;
  const mayPromote = !model.is_production && !model.is_retired && model.lineage === lineage;
  return element(
    "div", { className: "row" },
    mayPromote ? action("Promote", `${version} goes into production on every worker.`, {
      title: `Promote ${version}`, path: `/v1/models/${version}/promote`, takesReason: true, id: "promote", className: "primary",
    }) : null,
    model.is_production && parent ? rollBack(production) : null,
    compared ? link(`/versions/${version}/against/${compared}`, `Compare with ${compared}`, { className: "button" }) : null,
  );
}

export function rollBack(production) {
  return action("Roll back", `Production goes back from ${production} to the version before it, and learning pauses.`, {
    title: `Roll back ${production}`, path: "/v1/rollback", takesReason: true, id: "roll-back",
  });
}
