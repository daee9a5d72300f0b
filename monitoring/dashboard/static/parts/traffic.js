// How many predictions were answered, by the hour.

import { buildChart } from "../chart.js";
import { element, quiet } from "../dom.js";
import { count, number } from "../format.js";

export function buildTraffic({ hours, num_predictions: numPredictions }) {
  if (!numPredictions) return quiet(`None in the last ${hours.length} hours. Try an image, or send one to POST /v1/predict.`);
  return [
    element("p", {}, element("strong", {}, count(numPredictions, "prediction")), ` in the last ${hours.length} hours; the last hour is not over.`),
    buildChart({
      label: "Predictions by the hour",
      times: hours.map(({ hour }) => new Date(hour).getTime() / 1000),
      lines: [{ name: "predictions an hour", colour: "--accent", isBar: true, values: hours.map(({ num_predictions: num }) => num) }],
      written: number,
      range: (chart, low, high) => [0, Math.max(1, high * 1.1)],
      height: 170,
      hasDots: false,
    }),
  ];
}
