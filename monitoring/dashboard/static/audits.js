// Images drawn for audit, with a button for each class.

import { getBlob, post } from "./api.js";
import { button, element, show } from "./dom.js";
import { count } from "./format.js";

const MAX_BUTTONS = 12;
const cards = new Map();
let shownClasses = "";

// Cards are added and removed one by one: one that a person works on is left alone.
export function showAudits(container, note, { audits, num_waiting }, classes, onProblem) {
  forgetOldClasses(classes);
  const waiting = new Set(audits.map((audit) => audit.prediction_id));
  const many = classes.length > MAX_BUTTONS ? classes : [];
  show(document.getElementById("all-classes"), many, options);
  for (const [id, card] of cards) {
    if (!waiting.has(id) && !card.dataset.answered) drop(id);
  }
  for (const audit of audits) {
    if (cards.has(audit.prediction_id)) continue;
    const card = makeCard(audit, classes, onProblem);
    cards.set(audit.prediction_id, card);
    container.append(card);
  }
  const text = num_waiting ? `${count(num_waiting, "image")} to label.` : "None are waiting.";
  if (note.textContent !== text) note.textContent = text;
}

// After a swap to another lineage the buttons would name classes that production doesn't know.
function forgetOldClasses(classes) {
  const wanted = JSON.stringify(classes);
  if (wanted !== shownClasses) [...cards.keys()].forEach(drop);
  shownClasses = wanted;
}

function options(classes) {
  return classes.map((name) => element("option", { value: name }));
}

function drop(id) {
  const card = cards.get(id);
  if (!card) return;
  URL.revokeObjectURL(card.querySelector("img").src);
  card.remove();
  cards.delete(id);
}

function makeCard(audit, classes, onProblem) {
  const image = element("img", { alt: "Image to label", className: "thumbnail" });
  const answer = element("div", { className: "answer" });
  const card = element("div", { className: "audit" }, image, answer);
  const label = (name) => send(card, answer, audit, name, onProblem);
  answer.append(...(classes.length <= MAX_BUTTONS ? buttons(classes, label) : [search(classes, label)]));
  loadImage(image, audit.prediction_id);
  return card;
}

function buttons(classes, label) {
  return classes.map((name) => button(name, () => label(name), { className: "class" }));
}

function search(classes, label) {
  const attributes = { list: "all-classes", "aria-label": "Class" };
  const input = element("input", { type: "text", placeholder: "Class", attributes });
  const form = element("form", { className: "search" }, input, element("button", { type: "submit" }, "Label"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (classes.includes(input.value)) label(input.value);
    else {
      input.setCustomValidity("Choose one of the classes.");
      input.reportValidity();
    }
  });
  input.addEventListener("input", () => input.setCustomValidity(""));
  return form;
}

async function loadImage(image, id) {
  try {
    image.src = URL.createObjectURL(await getBlob(`/v1/predictions/${encodeURIComponent(id)}/image`));
  } catch (refusal) {
    image.alt = `The image can’t be shown. ${refusal.message}`;
  }
}

async function send(card, answer, audit, name, onProblem) {
  for (const node of answer.querySelectorAll("button")) node.disabled = true;
  try {
    await post("/v1/feedback", { prediction_id: audit.prediction_id, label: name });
  } catch (refusal) {
    onProblem(refusal.message, true);
    for (const node of answer.querySelectorAll("button")) node.disabled = false;
    return;
  }
  card.dataset.answered = "yes";
  const isRight = audit.label === name;
  answer.replaceChildren(element(
    "p", { className: isRight ? "good-text" : "bad-text" },
    isRight ? `${audit.version} said so too.` : `${audit.version} said ${audit.label}.`,
  ));
  setTimeout(() => drop(audit.prediction_id), 4000);
}
