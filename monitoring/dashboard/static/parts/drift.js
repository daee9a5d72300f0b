// Drift over time as a line, beside what chance alone would give.

import { element, svg } from "../dom.js";
import { number } from "../format.js";

const SIZE = { width: 900, height: 260, left: 62, right: 16, top: 16, bottom: 44 };

export function buildDrift({ points: newestFirst, production, statistic, has_reference: hasReference }) {
  const points = [...newestFirst].reverse().filter((point) => Number.isFinite(point.mmd));
  if (!points.length) {
    const wanted = hasReference
      ? "it takes 50 logged predictions of the version in production."
      : "the version in production has no embeddings to compare with. The next promoted round, or “perennial train”, brings them.";
    return element("p", { className: "quiet" }, `Nothing measured yet: ${wanted}`);
  }
  const last = points.at(-1);
  const isOver = last.null_95 !== null && last.mmd > last.null_95;
  return [
    element(
      "p", {}, `Last: ${number(last.mmd)} with ${last.version}, on its last ${last.num_samples} predictions; `,
      isOver ? "over" : "within", ` what chance gives (${number(last.null_95)}).`,
    ),
    legend(),
    chart(points),
    element("p", { className: "hint" }, `${statistic} (Gretton et al., 2012). A change of version is drawn as a gap: each is compared with its own reference.`),
  ];
}

function legend() {
  return element(
    "p", { className: "legend" },
    element("span", { className: "swatch line" }), "MMD², no unit",
    element("span", { className: "swatch null" }), "95 % of windows without drift stay under this",
  );
}

function chart(points) {
  const { width, height, left, right, top, bottom } = SIZE;
  const times = points.map((point) => new Date(point.created).getTime());
  const values = points.flatMap((point) => [point.mmd, point.null_95 ?? 0, 0]);
  const span = { from: Math.min(...times), to: Math.max(...times) };
  if (span.from === span.to) Object.assign(span, { from: span.from - 1800e3, to: span.to + 1800e3 });
  const low = Math.min(...values);
  const high = Math.max(...values, 0.001) * 1.15;
  const x = (time) => left + ((time - span.from) / (span.to - span.from)) * (width - left - right);
  const y = (value) => height - bottom - ((value - low) / (high - low)) * (height - top - bottom);
  const runs = byVersion(points);
  return element("div", { className: "scroll" }, svg(
    "svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": "MMD² over time" },
    ...ticks(low, high).map((value) => gridLine(value, y(value))),
    ...timeTicks(span, x),
    label(left + (width - left - right) / 2, height - 6, "Time", "middle"),
    rotated("MMD²"),
    ...runs.map((run) => mark(run[0], x)),
    ...runs.map((run) => svg("path", { class: "null", d: path(run.filter((p) => p.null_95 !== null), x, (p) => y(p.null_95)) })),
    ...runs.map((run) => svg("path", { class: "line", d: path(run, x, (p) => y(p.mmd)) })),
    ...points.map((point) => dot(point, x, y)),
  ));
}

function byVersion(points) {
  const runs = [];
  for (const point of points) {
    if (runs.at(-1)?.at(-1).version === point.version) runs.at(-1).push(point);
    else runs.push([point]);
  }
  return runs;
}

function path(points, x, height) {
  return points.map((p, i) => `${i ? "L" : "M"}${x(new Date(p.created).getTime()).toFixed(1)} ${height(p).toFixed(1)}`).join("");
}

function mark(point, x) {
  const where = x(new Date(point.created).getTime());
  return svg(
    "g", {},
    svg("line", { class: "mark", x1: where, x2: where, y1: SIZE.top - 4, y2: SIZE.height - SIZE.bottom }),
    label(where + 4, SIZE.top + 4, point.version, "start"),
  );
}

function dot(point, x, y) {
  const title = svg("title", {}, `${point.version}: ${number(point.mmd)} (chance ${number(point.null_95)}), ${new Date(point.created).toLocaleString()}`);
  return svg("circle", { class: "dot", cx: x(new Date(point.created).getTime()).toFixed(1), cy: y(point.mmd).toFixed(1), r: 3 }, title);
}

// About five round numbers.
function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const ticks = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) ticks.push(value);
  return ticks;
}

function gridLine(value, height) {
  return svg(
    "g", {},
    svg("line", { class: "grid", x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: height, y2: height }),
    label(SIZE.left - 8, height + 4, number(Math.abs(value) < 1e-12 ? 0 : value), "end"),
  );
}

function timeTicks({ from, to }, x) {
  const hours = (to - from) / 3600e3;
  const day = { month: "short", day: "numeric" };
  const clock = { hour: "2-digit", minute: "2-digit" };
  const options = hours < 20 ? clock : hours < 150 ? { ...day, ...clock } : day;
  return [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const time = from + share * (to - from);
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    return label(x(time), SIZE.height - SIZE.bottom + 18, new Date(time).toLocaleString("en-GB", options), anchor);
  });
}

function label(x, y, text, anchor) {
  return svg("text", { class: "label", x, y, "text-anchor": anchor }, text);
}

function rotated(text) {
  const middle = (SIZE.height - SIZE.bottom + SIZE.top) / 2;
  return svg("text", { class: "label", transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle" }, text);
}
