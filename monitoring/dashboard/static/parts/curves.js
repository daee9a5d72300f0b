// The curves of one training: losses and accuracies of both sets, the kept epoch, the diagnosis and its advice.

import { element, svg } from "../dom.js";
import { capitalised, number, percent } from "../format.js";

const SIZE = { width: 440, height: 230, left: 52, right: 12, top: 26, bottom: 36 };
const PARTS = [["training", "line"], ["validation", "null"]];

export function buildCurves(curves) {
  const epochs = curves?.epochs ?? [];
  if (!epochs.length) return null;
  const kept = epochs.find(({ epoch }) => epoch === curves.best_epoch);
  const unit = capitalised(curves.unit ?? "epoch");
  const figures = kept
    ? ` ${unit} ${kept.epoch} was kept: ${percent(kept.training_accuracy)} of training and ${percent(kept.validation_accuracy)} of validation images right.`
    : "";
  return element(
    "div", { className: "curves" },
    // While a training goes on there is none.
    curves.diagnosis ? element(
      "p", {},
      element("strong", {}, `${capitalised(curves.diagnosis)}: `),
      `${curves.advice ?? "no advice"}.${figures}`,
    ) : null,
    element(
      "p", { className: "legend" },
      element("span", { className: "legend-entry" }, element("span", { className: "swatch" }), "training"),
      element("span", { className: "legend-entry" }, element("span", { className: "swatch null" }), "validation"),
    ),
    element(
      "div", { className: "pair" },
      chart(epochs, kept, "loss", "Loss (nats)", unit, number),
      chart(epochs, kept, "accuracy", "Accuracy", unit, (value) => percent(value, 0)),
    ),
  );
}

function chart(epochs, kept, quantity, title, unit, written) {
  const { width, height, left, right, top, bottom } = SIZE;
  const values = epochs.flatMap((epoch) => PARTS.map(([part]) => epoch[`${part}_${quantity}`])).filter(Number.isFinite);
  const high = quantity === "accuracy" ? 1 : ceiling(Math.max(...values, 0.001));
  const [first, last] = [epochs[0].epoch, epochs.at(-1).epoch];
  const x = (epoch) => left + ((epoch - first) / Math.max(1, last - first)) * (width - left - right);
  const y = (value) => height - bottom - (value / high) * (height - top - bottom);
  return svg(
    "svg", { viewBox: `0 0 ${width} ${height}`, class: "curve", role: "img", "aria-label": `${title} by ${unit}` },
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => gridLine(share * high, y(share * high), written)),
    ...[...new Set([first, Math.round((first + last) / 2), last])].map((epoch) => label(x(epoch), height - 20, epoch, "middle")),
    label(left, 14, title, "start"),
    label((left + width - right) / 2, height - 4, unit, "middle"),
    kept ? svg("line", { class: "mark", x1: x(kept.epoch), x2: x(kept.epoch), y1: top, y2: height - bottom }) : null,
    ...PARTS.map(([part, name]) => line(epochs, `${part}_${quantity}`, name, x, y)),
    ...PARTS.flatMap(([part, name]) => epochs.map((epoch) => dot(epoch, `${part}_${quantity}`, part, name, x, y, written))),
  );
}

// The next number above whose quarters are round.
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value / 4));
  return 4 * [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => 4 * step >= value);
}

function line(epochs, field, name, x, y) {
  const known = epochs.filter((epoch) => Number.isFinite(epoch[field]));
  const steps = known.map((epoch, index) => `${index ? "L" : "M"}${x(epoch.epoch).toFixed(1)} ${y(epoch[field]).toFixed(1)}`);
  return svg("path", { class: name, d: steps.join("") });
}

// A single epoch draws no line, and each dot tells its figure.
function dot(epoch, field, part, name, x, y, written) {
  if (!Number.isFinite(epoch[field])) return null;
  const title = svg("title", {}, `${part}, epoch ${epoch.epoch}: ${written(epoch[field])}`);
  return svg("circle", { class: `dot ${name}`, cx: x(epoch.epoch).toFixed(1), cy: y(epoch[field]).toFixed(1), r: 2.5 }, title);
}

function gridLine(value, height, written) {
  return svg(
    "g", {},
    svg("line", { class: "grid", x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: height, y2: height }),
    label(SIZE.left - 6, height + 4, written(value), "end"),
  );
}

function label(x, y, text, anchor) {
  return svg("text", { class: "label", x, y, "text-anchor": anchor }, String(text));
}
