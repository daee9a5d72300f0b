// Labels that contradict one another, each with its image and a button for each label.

import { action } from "../actions.js";
import { element } from "../dom.js";
import { count, since } from "../format.js";
import { picture } from "../picture.js";

const cards = new Map();

// Cards are added and removed one by one, so that their images are loaded once.
export function showDisputes(section, disputes, numOpen) {
  section.hidden = !disputes.length;
  const open = new Set(disputes.map(({ id }) => id));
  for (const [id, card] of cards) if (!open.has(id)) drop(id, card);
  for (const dispute of disputes) {
    if (cards.has(dispute.id)) continue;
    const card = makeCard(dispute);
    cards.set(dispute.id, card);
    section.querySelector(".disputes").append(card);
  }
  const text = numOpen > disputes.length ? `${count(numOpen, "dispute")}, of which the last ${disputes.length} are here.` : "";
  section.querySelector(".quiet").textContent = text;
}

function drop(id, card) {
  card.remove();
  cards.delete(id);
}

function makeCard(dispute) {
  return element(
    "div", { className: "dispute" }, picture(`/v1/disputes/${dispute.id}/image`, "The disputed image"),
    element("ul", { className: "plain" }, ...dispute.said.map(line)),
    element("div", { className: "row" }, ...names(dispute).map((label) => settle(dispute, label))),
  );
}

function line({ label, source, is_trusted, created }) {
  return element(
    "li", {}, element("strong", {}, label),
    element("span", { className: "hint" }, ` by ${source}${is_trusted ? ", trusted" : ""}, `, since(created)),
  );
}

function names({ said }) {
  return [...new Set(said.map(({ label }) => label))];
}

function settle({ id }, label) {
  return action(label, "This label counts from now on; the other one is kept as history.", {
    title: `Settle it as ${label}`, path: `/v1/disputes/${id}`, body: { label }, className: "class",
  });
}
