// A source of labels: what a round found of it, its most doubtful images, and whether its labels count.

import { action } from "../actions.js";
import { badge, element, hint, link } from "../dom.js";
import { count, percent, since } from "../format.js";
import { picture } from "../picture.js";

const NUM_SHOWN = 12;

export function sourceCard(source) {
  const { name, num_samples: numSamples, quarantine, review } = source;
  return element(
    "li", { className: "entry" },
    element(
      "div", { className: "line-title" },
      element("strong", {}, name), quarantine ? badge("warn", "quarantined") : null,
      review?.is_named ? badge("bad", "named") : null,
      element("span", { className: "quiet" }, count(numSamples, "sample")),
      review ? element("span", { className: "quiet" }, `${percent(review.share_doubtful, 0)} doubtful`) : null,
    ),
    element("p", { className: "sentence" }, ...found(review)),
    quarantine ? hint(`Quarantined by ${quarantine.by}: ${quarantine.reason} `, since(quarantine.since)) : null,
    versions(source),
    review?.doubtful.length ? images(name, review.doubtful) : null,
    element("div", { className: "row" }, decision(source)),
  );
}

function found(review) {
  if (!review) return ["Not reviewed yet: a round compares the labels of two sources at least."];
  return [review.sentence, " ", link(`/rounds/${review.round_id}`, `Round ${review.round_id}`)];
}

function versions({ versions: learnt }) {
  if (!learnt.length) return null;
  return hint("Learnt from it: ", ...learnt.flatMap((version) => [link(`/versions/${version}`, version), " "]));
}

// The pictures are fetched when they are asked for.
function images(name, doubtful) {
  const shown = doubtful.slice(0, NUM_SHOWN);
  const node = element("details", {}, element("summary", {}, `The ${count(shown.length, "image")} whose label is most doubtful`));
  const path = (id) => `/v1/sources/${encodeURIComponent(name)}/images/${id}`;
  node.addEventListener("toggle", () => node.append(element(
    "div", { className: "gallery" }, ...shown.map((id) => picture(path(id), `Sample ${id}, whose label is doubtful`)),
  )), { once: true });
  return node;
}

function decision({ name, quarantine }) {
  const path = `/v1/sources/${encodeURIComponent(name)}`;
  if (quarantine) {
    return action("Release", "Its labels count again, as if nothing had been.", { title: `Release ${name}`, path: `${path}/release` });
  }
  return action("Quarantine", "Its labels count no more, from now on. Nothing is deleted, and a release undoes it.", {
    title: `Quarantine ${name}`, path: `${path}/quarantine`, takesReason: true,
  });
}
