// The versions: where each came from, how good it was, when and why it went into production.

import { action } from "../actions.js";
import { badge, cells, element, link, table } from "../dom.js";
import { number, percent, since, words } from "../format.js";

const HEADINGS = ["Version", "From", "Made", "Metrics", "Into production", ""];

export function buildVersions({ models, production }) {
  if (!models.length) return element("p", { className: "quiet" }, "No version yet.");
  const lineage = models.find((model) => model.is_production)?.lineage;
  const rows = models.map((model) => row(model, lineage));
  return [
    table(HEADINGS, rows, { className: "versions" }),
    production && models.length > 1 ? element("div", { className: "row" }, action(
      "Roll back", `Production goes back from ${production} to the version before it, and learning pauses.`,
      { path: "/v1/rollback", takesReason: true, id: "roll-back" },
    )) : null,
  ];
}

function row(model, lineage) {
  const columns = cells(
    [link(`/versions/${model.version}`, model.version), " ", ...marks(model)],
    origin(model),
    since(model.created),
    metrics(model),
    promotion(model),
    canPromote(model, lineage) ? promote(model) : "",
  );
  // On a narrow screen the headings are hidden and each cell carries its own.
  for (const index of [1, 2, 4]) columns[index].dataset.label = HEADINGS[index];
  return element("tr", { className: model.is_production ? "current" : "" }, ...columns);
}

function marks(model) {
  return [
    model.is_production && badge("good", "production"),
    model.is_starter && badge("warn", "starter"),
    model.is_retired && badge("", "files dropped"),
    model.num_deleted_samples > 0 && badge("warn", `${model.num_deleted_samples} of its samples deleted`),
  ].filter(Boolean);
}

function origin({ parent, round_id, is_starter }) {
  const round = round_id ? `round ${round_id}` : is_starter ? "the start" : "perennial train";
  return parent ? `${parent}, ${round}` : round;
}

function metrics(model) {
  const entries = Object.entries(model.metrics).filter(
    ([name, value]) => name !== "description" && (typeof value === "number" || typeof value === "string"),
  );
  if (!entries.length) return "–";
  return element("ul", { className: "plain" }, ...entries.slice(0, 6).map(([name, value]) => {
    const isShare = /accuracy|share|_error$/.test(name) && typeof value === "number" && value <= 1;
    if (name.startsWith("num_")) return element("li", {}, `${number(value)} ${words(name.slice(4))}`);
    return element("li", {}, `${words(name)} ${isShare ? percent(value) : number(value)}`);
  }));
}

function promotion({ promotion }) {
  if (!promotion) return element("span", { className: "quiet" }, "never");
  return [since(promotion.created), element("div", { className: "hint" }, `${promotion.reason} (${promotion.actor})`)];
}

function canPromote(model, lineage) {
  return !model.is_production && !model.is_retired && model.lineage === lineage;
}

function promote({ version }) {
  return action("Promote", `${version} goes into production on every worker.`, {
    title: `Promote ${version}`, path: `/v1/models/${encodeURIComponent(version)}/promote`,
    takesReason: true, id: `promote-${version}`,
  });
}
