// Lines over time, drawn by uPlot: with intervals, marks, what the pointer is over, and the same as a table.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { cells, element, table } from "./dom.js";

const HEIGHT = 260;
const ROW = 16;
const DAY_SECONDS = 86400;
const drawn = new Set();

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of drawn) {
    if (chart.root.isConnected) chart.redraw();
    else drawn.delete(chart);
  }
});

// `lines`: {name, colour, values, lows, highs, isDashed, isStep, isBar, spanGaps}, a colour being the name of a variable of the
// style, and a value null where there is none, which `spanGaps` draws over; `times` in seconds, ascending; `marks`: {time, text, colour,
// row}: those of row 1 have their texts above those of row 0, which is the usual one.
export function buildChart({ label, times, lines, marks = [], written, range, notes = [], height = HEIGHT, hasDots = true }) {
  const place = element("div", { className: "plot", attributes: { role: "img", "aria-label": label } });
  const readout = element("p", { className: "readout hint" });
  const told = (index) => {
    const values = lines.map(({ name, values, lows, highs }) => (
      values[index] === null ? null : `${name} ${withInterval(values[index], lows?.[index], highs?.[index], written)}`
    )).filter(Boolean);
    return [moment(times[index]), notes[index], ...values].filter(Boolean).join(" · ");
  };
  const options = {
    legend: { show: false },
    padding: [22 + ROW * Math.max(0, ...marks.map(({ row = 0 }) => row)), 12, 0, 0],
    cursor: { drag: { x: false, y: false }, y: false },
    scales: { x: { range: lines.some(({ isBar }) => isBar) ? roomForBars : roomForOne }, y: { range: range ?? undefined } },
    axes: [axis({ values: timeLabels, space: 90, size: 44 }), axis({ values: (_, splits) => splits.map(written), size: 62 })],
    series: [{}, ...lines.map((line) => series(line, hasDots))],
    hooks: {
      draw: [(chart) => { drawMarks(chart, marks); drawIntervals(chart, lines); }],
      setCursor: [({ cursor }) => { readout.textContent = cursor.idx === null || cursor.idx === undefined ? "" : told(cursor.idx); }],
    },
  };
  drawWhenPlaced(place, height, options, [times, ...lines.map(({ values }) => values)]);
  return element(
    "div", { className: "chart" },
    element("div", { className: "chart-head" }, legend(lines), readout), place, asTable({ times, lines, written, notes }),
  );
}

function drawWhenPlaced(place, height, options, columns) {
  let chart = null;
  place.style.height = `${height}px`;
  new ResizeObserver(([{ contentRect: { width } }]) => {
    if (!width) return;
    if (chart) return void chart.setSize({ width, height });
    chart = new uPlot({ ...options, width, height }, columns, place);
    drawn.add(chart);
  }).observe(place);
}

// A bar begins at its time and is as wide as an hour.
function roomForBars(chart, first, last) {
  return [first, last + 3600];
}

// One moment alone stands in the middle of an hour; uPlot would give it years.
function roomForOne(chart, first, last) {
  return first === last ? [first - 1800, last + 1800] : [first, last];
}

function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis(properties) {
  const grid = { stroke: () => colourOf("--line"), width: 1 };
  return { stroke: () => colourOf("--quiet"), font: "12px system-ui", grid, ticks: { show: false }, ...properties };
}

function series({ name, colour, isDashed, isStep, isBar, spanGaps = true }, hasDots) {
  return {
    label: name, stroke: () => colourOf(colour), width: 2, spanGaps, dash: isDashed ? [6, 5] : undefined,
    paths: isStep ? uPlot.paths.stepped({ align: 1 }) : isBar ? uPlot.paths.bars({ size: [0.8, 40], align: 1 }) : undefined,
    fill: isBar ? () => colourOf(colour) : undefined,
    points: { show: hasDots, size: 6, fill: () => colourOf(colour) },
  };
}

// On the axis of time, each day is named where it begins.
function timeLabels(chart, splits, axisIndex, space, increment) {
  let last = "";
  return splits.map((seconds) => {
    const time = new Date(seconds * 1000);
    const day = time.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
    if (increment >= DAY_SECONDS) return day;
    const clock = time.toLocaleTimeString("en-GB", increment < 60 ? {} : { hour: "2-digit", minute: "2-digit" });
    const text = day === last ? clock : `${clock}\n${day}`;
    last = day;
    return text;
  });
}

function drawMarks(chart, marks) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.setLineDash([3, 4]);
  ctx.font = `${12 * devicePixelRatio}px system-ui`;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  // Newest first, so that the newest of a crowd is named; by row, how far right the next text may reach.
  const free = [];
  for (const { time, text, colour = "--quiet", row = 0 } of [...marks].sort((one, other) => other.time - one.time)) {
    const x = chart.valToPos(time, "x", true);
    const textBottom = bbox.top - (6 + ROW * row) * devicePixelRatio;
    ctx.strokeStyle = ctx.fillStyle = colourOf(colour);
    ctx.beginPath();
    ctx.moveTo(x, row ? textBottom + 3 * devicePixelRatio : bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    // A text that would cover a newer one is left out; the pointer and the table tell it.
    const width = ctx.measureText(text).width;
    const left = Math.min(x - width / 2, bbox.left + bbox.width - width);
    if (left + width > (free[row] ?? Infinity)) continue;
    ctx.fillText(text, left, textBottom);
    free[row] = left - 6 * devicePixelRatio;
  }
  ctx.restore();
}

function drawIntervals(chart, lines) {
  const { ctx } = chart;
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const { colour, lows, highs } of lines) {
    if (!lows) continue;
    ctx.strokeStyle = colourOf(colour);
    for (const [index, low] of lows.entries()) {
      if (low === null || highs[index] === null) continue;
      const x = chart.valToPos(chart.data[0][index], "x", true);
      ctx.beginPath();
      ctx.moveTo(x, chart.valToPos(low, "y", true));
      ctx.lineTo(x, chart.valToPos(highs[index], "y", true));
      ctx.stroke();
    }
  }
  ctx.restore();
}

function legend(lines) {
  return element("p", { className: "legend" }, ...lines.flatMap(({ name, colour, isDashed }) => {
    const swatch = element("span", { className: isDashed ? "swatch dashed" : "swatch" });
    swatch.style.borderColor = `var(${colour})`;
    return element("span", { className: "legend-entry" }, swatch, name);
  }));
}

function asTable({ times, lines, written, notes }) {
  const place = element("div");
  const node = element("details", { className: "as-table" }, element("summary", {}, "As a table"), place);
  // Built when it is opened: most readers look at the lines.
  node.addEventListener("toggle", () => {
    if (!node.open || place.firstChild) return;
    const rows = times.map((time, index) => element("tr", {}, ...cells(
      moment(time), notes[index] ?? "", ...lines.map(({ values, lows, highs }) => (
        values[index] === null ? "–" : withInterval(values[index], lows?.[index], highs?.[index], written)
      )),
    ))).reverse();
    place.append(table(["Time", "What happened", ...lines.map(({ name }) => name)], rows));
  });
  return node;
}

function withInterval(value, low, high, written) {
  return Number.isFinite(low) && Number.isFinite(high) ? `${written(value)} (${written(low)} to ${written(high)})` : written(value);
}

function moment(seconds) {
  const options = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  return new Date(seconds * 1000).toLocaleString("en-GB", options);
}
