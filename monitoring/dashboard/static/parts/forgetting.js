// The forgetting matrix as a heat table: versions down, slices across, the colour being the accuracy.

import { element } from "../dom.js";
import { percent } from "../format.js";

export function buildForgetting({
  versions, slices, cells, forgotten, intervals, is_golden_overused: isOverused, production,
}) {
  if (!cells.length) {
    return element("p", { className: "quiet" }, "Nothing measured yet: “perennial train” and each round measure accuracy.");
  }
  const cellOf = new Map(cells.map((cell) => [`${cell.version} ${cell.slice}`, cell]));
  const values = cells.map((cell) => cell.accuracy);
  const scale = { low: Math.min(...values), high: Math.max(...values) };
  const rows = versions.map((version) => element(
    "tr", { className: version === production ? "current" : "" },
    element("th", { scope: "row" }, version, version === production ? " (production)" : ""),
    ...slices.map((slice) => heat(cellOf.get(`${version} ${slice}`), scale)),
  ));
  return [element(
    "div", { className: "scroll" },
    element(
      "table", { className: "heat" },
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Version"), ...slices.map(
        (slice) => element("th", { scope: "col" }, slice),
      ))),
      element("tbody", {}, ...rows),
      element("tfoot", {}, lostRow(slices, forgotten, intervals)),
    ),
  ), element(
    "p", { className: "hint" },
    "Lost or gained: production against the best version before it, on the same images, with the 95 % interval "
    + "(Chaudhry et al., 2018, call it forgetting).",
  ), isOverused ? element(
    "p", { className: "bad-text" },
    "The golden images are overused: candidates suit them better than those that no verdict reads. "
    + "Replace them: perennial holdout renew DIR",
  ) : null];
}

function heat(cell, { low, high }) {
  if (!cell) return element("td", { className: "none", title: "not measured" }, "–");
  const share = high > low ? (cell.accuracy - low) / (high - low) : 1;
  const node = element("td", {
    title: `95 % interval ${percent(cell.low)} to ${percent(cell.high)}, on ${cell.num_samples} samples`,
  }, percent(cell.accuracy), element("small", {}, `n = ${cell.num_samples.toLocaleString("en")}`));
  // Set through the object model, which the content security policy allows.
  node.style.setProperty("--share", share.toFixed(3));
  return node;
}

function lostRow(slices, forgotten, intervals) {
  return element(
    "tr", {},
    element("th", { scope: "row" }, "Lost or gained"),
    ...slices.map((slice) => {
      const lost = forgotten[slice];
      if (lost === undefined) return element("td", { className: "none" }, "–");
      const interval = intervals[slice];
      if (!interval) return element("td", { className: lost > 0.02 ? "bad-text" : "" }, change(lost));
      return element(
        "td",
        {
          className: interval.low > 0 ? "bad-text" : "",
          title: `since ${interval.since}, on ${interval.num_images.toLocaleString("en")} images`,
        },
        change(lost),
        element("small", {}, `${points(-interval.high)} to ${points(-interval.low)}`),
      );
    }),
  );
}

function points(gain) {
  const size = Math.abs(100 * gain).toFixed(1);
  if (size === "0.0") return "0";
  return `${gain < 0 ? "−" : "+"}${size}`;
}

function change(lost) {
  const size = Math.abs(100 * lost).toFixed(1);
  if (size === "0.0") return "kept";
  return `${lost > 0 ? "lost" : "gained"} ${size} points`;
}
