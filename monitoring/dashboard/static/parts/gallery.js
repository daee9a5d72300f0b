// Predictions as pictures, each with its answer and what became of it; a picture leads to its page.

import { element, hint, link } from "../dom.js";
import { percent, since } from "../format.js";
import { picture } from "../picture.js";

// `extra`, where it is given, builds what stands above the time of each.
export function buildGallery(predictions, extra = () => null) {
  return element("ul", { className: "gallery" }, ...predictions.map((each, index) => card(each, extra(each, index))));
}

function card({ id, label, confidence, version, source, created, true_label: truth }, extra) {
  const isWrong = truth !== null && truth !== label;
  return element(
    "li", { className: isWrong ? "shot wrong" : "shot" },
    link(`/images/${id}`, picture(`/v1/predictions/${id}/image`, `An image that was answered with ${label}`)),
    element("p", { className: "shot-label", title: label }, label, element("span", { className: "quiet" }, ` ${percent(confidence, 0)}`)),
    truth === null ? null : element("p", { className: isWrong ? "bad-text" : "good-text" }, isWrong ? `✗ is ${truth}` : "✓ right"),
    extra,
    hint(`${version}, ${source}, `, since(created)),
  );
}
