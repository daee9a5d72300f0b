// Labels that production does not know: how many samples say them, their images, and what may be done.

import { action } from "../actions.js";
import { badge, cells, element, hint, table } from "../dom.js";
import { count, since } from "../format.js";
import { picture } from "../picture.js";

export function buildUnknown(labels, names) {
  return element("ul", { className: "lines" }, ...labels.map((label) => card(label, names)));
}

export function buildKnown(classes) {
  const rows = classes.map(({ name, num_samples: num }) => element("tr", {}, ...cells(name, num.toLocaleString("en"))));
  return table(["Class", "Samples"], rows);
}

function card(label, names) {
  const { name, num_samples: num, num_sources: sources, newest, sample_ids: ids } = label;
  return element(
    "li", { className: "entry" },
    element("div", { className: "line-title" }, element("strong", {}, name), state(label), since(newest)),
    hint(`${count(num, "sample")} of ${count(sources, "source")}. `, likeness(label)),
    element("div", { className: "gallery" }, ...ids.map((id) => picture(`/v1/samples/${id}/image`, `An image that was called ${name}`))),
    element("div", { className: "row" }, ...controls(label, names)),
  );
}

function state({ accepted_by: by, is_due: isDue }) {
  if (by) return badge("good", `accepted by ${by}`);
  return isDue ? badge("warn", "due") : badge("", "too few to be due");
}

function likeness({ nearest, answered }) {
  return [
    nearest ? `Its name is most like ${nearest}. ` : "",
    answered ? `Production answers ${answered} on most of them.` : "",
  ].join("");
}

function controls({ name, accepted_by: by, nearest, answered }, names) {
  const path = `/v1/classes/${name.split("/").map(encodeURIComponent).join("/")}`;
  const accept = action("Accept", "The next round learns it as a new class.", {
    title: `Accept ${name}`, path: `${path}/accept`, className: "primary",
  });
  const reject = action("Reject", "Its samples are never learnt, and wait no longer.", {
    title: `Reject ${name}`, path: `${path}/reject`,
  });
  return [by ? null : accept, ...mergers({ name, nearest, answered, path }, names), reject];
}

// The proposals have a button each; any other class is typed.
function mergers({ name, nearest, answered, path }, names) {
  const proposed = [...new Set([nearest, answered])].filter(Boolean);
  const others = [...names.classes, ...names.unknown].filter((each) => each !== name && !proposed.includes(each));
  const select = element(
    "select", { attributes: { "aria-label": `Merge ${name} into` } },
    ...others.map((each) => element("option", { value: each }, each)),
  );
  const body = { get into() { return select.value; } };
  return [
    ...proposed.map((into) => merge(`Merge into ${into}`, name, path, { into })),
    others.length ? select : null,
    others.length ? merge("Merge into this", name, path, body) : null,
  ];
}

function merge(label, name, path, body) {
  return action(label, "Its samples get that label, and so does what is called so later.", {
    title: `Merge ${name}`, path: `${path}/merge`, body,
  });
}
