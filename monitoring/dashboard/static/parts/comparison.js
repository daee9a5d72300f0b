// Two versions beside each other: by slice, by class, and what one takes for what.

import { badge, cells, element, heatMap, hint, quiet, table } from "../dom.js";
import { change, count, number, percent, points, sliceName } from "../format.js";
import { picture } from "../picture.js";

export function buildSummary({ version, other, slices }) {
  if (!slices.length) {
    return quiet(
      `${version} and ${other} were never asked about the same labelled images. Versions of one line are, in each round that judges them.`,
    );
  }
  const total = (field) => slices.reduce((sum, slice) => sum + slice[field], 0);
  return element(
    "p", { className: "sentence-lead" },
    `Of ${count(total("num_images"), "image")} that both answered, ${version} is right on ${number(total("num_won"))} that ${other} got wrong, `
    + `and wrong on ${number(total("num_lost"))} that ${other} got right.`,
  );
}

export function buildSlices({ version, other, slices }) {
  if (!slices.length) return null;
  const rows = slices.map((slice) => element("tr", {}, ...cells(
    sliceName(slice.slice), percent(slice.accuracy), percent(slice.other_accuracy), gained(slice),
    number(slice.num_won), number(slice.num_lost), number(slice.num_images),
  )));
  return table(["Images", version, other, `${version} against ${other}`, "won", "lost", "in all"], rows, { className: "numbers" });
}

// Sure where the whole interval is on one side.
function gained({ accuracy, other_accuracy: before, low, high }) {
  const kind = low > 0 ? "good" : high < 0 ? "bad" : "";
  return [badge(kind, change(accuracy - before)), element("small", { className: "hint" }, ` ${points(low)} to ${points(high)}`)];
}

export function buildClasses({ version, other, classes, num_classes: numClasses }) {
  if (!classes.length) return quiet("No class of that name was asked about.");
  const rows = classes.map((each) => element("tr", {}, ...cells(
    each.label, percent(each.accuracy), percent(each.other_accuracy), number(each.num_won), number(each.num_lost), number(each.num_images),
  )));
  const rest = numClasses > classes.length ? `The ${classes.length} that changed most, of ${number(numClasses)}. Search for others.` : "";
  return [
    table(["Class", version, other, "won", "lost", "in all"], rows, { className: "numbers" }),
    rest ? hint(rest) : null,
  ];
}

// What one knew and the other does not, as pictures.
export function buildFlips({ version, other, flips }) {
  if (!flips.length) return quiet(`${version} is right on all that ${other} got right.`);
  return element("ul", { className: "gallery" }, ...flips.map(({ sample_id: id, slice, label, answered }) => element(
    "li", { className: "shot" },
    picture(`/v1/samples/${id}/image`, `An image of ${label} that ${version} answers with ${answered}`),
    element("p", { className: "shot-label", title: label }, label),
    element("p", { className: "bad-text" }, `✗ ${version} says ${answered}`),
    hint(`${sliceName(slice)}, sample ${id}`),
  )));
}

export function buildConfusions({ version, confusions, matrix }) {
  if (!confusions.length) return quiet(`${version} took nothing for something else.`);
  if (matrix) return buildMatrix(version, matrix);
  const rows = confusions.map(({ label, answered, num_images: num }) => element("tr", {}, ...cells(label, answered, number(num))));
  return table(["Shows", `${version} says`, "images"], rows, { className: "numbers" });
}

// What images show down, what the version says across; the colour is the share of the row.
function buildMatrix(version, matrix) {
  const names = [...new Set(matrix.flatMap(({ label, answered }) => [label, answered]))].sort();
  const numOf = new Map(matrix.map(({ label, answered, num_images: num }) => [JSON.stringify([label, answered]), num]));
  const num = (label, answered) => numOf.get(JSON.stringify([label, answered])) ?? 0;
  const rows = names.map((label) => {
    const total = names.reduce((sum, answered) => sum + num(label, answered), 0);
    return element(
      "tr", {}, element("th", { scope: "row" }, label),
      ...names.map((answered) => matrixCell(num(label, answered), total, label === answered)),
    );
  });
  return [
    heatMap(`What ${version} takes for what`, ["Shows", ...names], rows),
    hint(`Each row is what images show, each column what ${version} says. Framed: the right answers.`),
  ];
}

function matrixCell(num, total, isRight) {
  const cell = element("td", { className: isRight ? "right" : "" }, number(num));
  // Set through the object model, which the content security policy allows.
  cell.style.setProperty("--share", total ? (num / total).toFixed(3) : "0");
  return cell;
}
