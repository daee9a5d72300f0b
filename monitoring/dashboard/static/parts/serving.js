// What answers predictions now, and on which workers.

import { badge, cells, element, hint, quiet, table } from "../dom.js";
import { count, since } from "../format.js";
import { buildWatch } from "./watch.js";

export function buildServing(status) {
  return [headline(status), buildWatch(status.watch), facts(status), workers(status)];
}

function headline({ production, is_starter, description }) {
  if (!production) {
    return element("p", { className: "headline" }, "No version yet", badge("warn", "nothing serves"));
  }
  return [
    element("p", { className: "headline" }, production, is_starter && badge("warn", "starter model")),
    is_starter && hint(
      "This is the classifier that Perennial starts with, not one of yours" +
      `${description ? ` (${description})` : ""}: “perennial train DIR” puts your own classes in its place.`,
    ),
  ].filter(Boolean);
}

function facts({ device, classes }) {
  const named = classes.slice(0, 8).join(", ");
  const more = classes.length > 8 ? `, and ${(classes.length - 8).toLocaleString("en")} more` : "";
  return element(
    "dl", { className: "facts" },
    element("dt", {}, "Device"), element("dd", {}, device ?? "unknown"),
    element("dt", {}, count(classes.length, "class", "classes")),
    element("dd", {}, named ? named + more : "–"),
  );
}

function workers(status) {
  if (!status.workers.length) {
    return quiet("No worker has reported in the last seconds.");
  }
  const rows = status.workers.map((worker) => {
    const isCurrent = worker.version === status.production;
    return element(
      "tr", {},
      ...cells(
        element("code", { title: worker.id }, worker.id.slice(0, 12)),
        badge(isCurrent ? "good" : "warn", worker.version ?? "none"),
        since(worker.since),
        worker.error ? element("span", { className: "bad-text" }, worker.error) : "in order",
      ),
    );
  });
  return table(["Worker", "Serves", "Since", "State"], rows);
}
