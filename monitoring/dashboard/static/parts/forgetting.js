// The forgetting matrix as a heat map: versions down, slices across, the colour being the accuracy.

import { element, heatMap, link, quiet } from "../dom.js";
import { change, count, percent, points, sliceName } from "../format.js";

export function buildForgettingWords({ production, forgotten, intervals, cells }) {
  if (!cells.length) {
    return quiet("Nothing measured yet: “perennial train” and each round measure accuracy.");
  }
  const losses = Object.entries(forgotten).filter(([name]) => isLoss(intervals[name]));
  const kind = losses.length ? "warn" : "good";
  const compared = Object.keys(forgotten).length;
  const calm = compared ? "Nothing is forgotten" : "Nothing to compare yet";
  const title = losses.length ? `${production} lost accuracy on ${count(losses.length, "slice")}` : calm;
  const sentence = losses.length
    ? `${losses.map(([name, lost]) => `${sliceName(name)}: ${change(-lost)}`).join("; ")}: more than chance explains.`
    : compared
      ? `On no slice is ${production} surely worse than the best version before it.`
      : `${production} is the first version of its line. The next one is compared with it.`;
  return element(
    "div", { className: `verdict-words ${kind}` }, element("p", { className: "headline" }, title), element("p", {}, sentence),
  );
}

// More than chance explains: the whole interval is a loss.
function isLoss(interval) {
  return interval !== undefined && interval.low > 0;
}

export function buildForgetting({
  versions, slices, cells, forgotten, intervals, is_golden_overused: isOverused, production,
}) {
  if (!cells.length) return null;
  const cellOf = new Map(cells.map((cell) => [`${cell.version} ${cell.slice}`, cell]));
  const values = cells.map((cell) => cell.accuracy);
  const scale = { low: Math.min(...values), high: Math.max(...values) };
  const rows = versions.map((version) => element(
    "tr", { className: version === production ? "current" : "" },
    element("th", { scope: "row" }, link(`/versions/${version}`, version), version === production ? " (production)" : ""),
    ...slices.map((slice) => heat(cellOf.get(`${version} ${slice}`), scale)),
  ));
  return [
    heatMap(
      "Accuracy of each version on each slice", ["Version", ...slices.map(sliceName)], rows,
      lostRow(slices, forgotten, intervals, production),
    ),
    scaleLine(scale),
    isOverused ? element(
      "p", { className: "bad-text" },
      "The golden images are overused: candidates suit them better than those that no verdict reads. "
      + "Replace them: perennial holdout renew DIR",
    ) : null,
  ];
}

function heat(cell, { low, high }) {
  if (!cell) return element("td", { className: "none", title: "not measured" }, "–");
  const share = high > low ? (cell.accuracy - low) / (high - low) : 1;
  const node = element(
    "td", { title: `on ${cell.num_samples.toLocaleString("en")} images` },
    percent(cell.accuracy), element("small", {}, `${percent(cell.low, 0)} to ${percent(cell.high, 0)}`),
  );
  // Set through the object model, which the content security policy allows.
  node.style.setProperty("--share", share.toFixed(3));
  return node;
}

function scaleLine({ low, high }) {
  return element(
    "p", { className: "heat-scale hint" }, percent(low, 0), element("span", { className: "heat-ramp" }), percent(high, 0),
    " of the images right; below each figure its 95 % interval",
  );
}

function lostRow(slices, forgotten, intervals, production) {
  return element(
    "tr", {},
    element("th", { scope: "row" }, "Against the best before"),
    ...slices.map((slice) => {
      const lost = forgotten[slice];
      if (lost === undefined) return element("td", { className: "none" }, "–");
      const interval = intervals[slice];
      const className = isLoss(interval) ? "bad-text" : interval?.high < 0 ? "good-text" : "";
      const title = interval ? `since ${interval.since}, on ${count(interval.num_images, "image")}` : "";
      return element(
        "td", { className, title }, change(-lost), interval ? element("small", {}, `${points(-interval.high)} to ${points(-interval.low)}`) : null,
        interval ? element("small", {}, link(`/versions/${production}/against/${interval.since}`, "by class")) : null,
      );
    }),
  );
}
