// Several images, one label: boxes to tick beside the images, the classes, and undo.

import { button, element, hint, show } from "../dom.js";
import { count } from "../format.js";
import { buildClasses } from "./classes.js";
import { sendLabel } from "./correcting.js";

export class Several {
  #name;
  #picked = new Set();
  #ids = [];
  #last = null;
  #choice = element("div", { className: "choice" });
  #said = element("p", { className: "said", attributes: { role: "status" } });
  #all = button("Tick all", () => this.#pickAll());
  #undo = button("Undo", () => this.#undoLast(), { hidden: true });
  #afterwards;
  #complain;
  #classes = [];
  // What holds the boxes and the classes, for the page to place.
  panel;

  // `name` tells this one's elements from others'; `afterwards` is called once labels arrived, `complain` with what was refused.
  constructor(name, afterwards, complain) {
    [this.#name, this.#afterwards, this.#complain] = [name, afterwards, complain];
    this.panel = element(
      "div", { className: "several", attributes: { role: "group", "aria-label": "Label several at once" } },
      hint("Several show the same? Tick them, then say what: it is the label of each."),
      element("div", { className: "row" }, this.#all, this.#undo), this.#said, this.#choice,
    );
  }

  // The predictions whose images can be ticked now, and the classes to choose from.
  update(ids, classes) {
    [this.#ids, this.#classes] = [ids, classes];
    for (const id of this.#picked) if (!ids.includes(id)) this.#picked.delete(id);
    this.panel.hidden = !ids.length;
    this.#draw();
  }

  // A box for one image; what it is called says which.
  box(id, label) {
    const input = element("input", { type: "checkbox", checked: this.#picked.has(id), dataset: { pick: this.#keyOf(id) } });
    input.addEventListener("change", () => {
      if (input.checked) this.#picked.add(id);
      else this.#picked.delete(id);
      this.#changed();
    });
    return element("label", { className: "pick" }, input, label);
  }

  #keyOf(id) {
    return `${this.#name}-${id}`;
  }

  #pickAll() {
    const isAll = this.#picked.size === this.#ids.length;
    this.#picked = new Set(isAll ? [] : this.#ids);
    this.#changed();
  }

  #changed() {
    this.#said.textContent = this.#picked.size ? `${count(this.#picked.size, "image")} ticked.` : "";
    this.#draw();
  }

  // Undo ticks them again: a label can be replaced, and not taken back.
  #undoLast() {
    this.#picked = new Set(this.#last.ids.filter((id) => this.#ids.includes(id)));
    this.#draw();
    this.#said.textContent = `${this.#last.label} stands until you give another label: they are ticked again.`;
    this.#choice.querySelector("button, input")?.focus();
  }

  async #send(label) {
    const ids = this.#ids.filter((id) => this.#picked.has(id));
    const outcomes = [];
    try {
      for (const id of ids) {
        this.#said.textContent = `${label}: ${outcomes.length} of ${ids.length} …`;
        outcomes.push((await sendLabel(id, label)).status);
        this.#picked.delete(id);
      }
    } catch (refusal) {
      this.#complain(refusal.message, true);
    }
    if (outcomes.length) this.#last = { ids: ids.slice(0, outcomes.length), label };
    this.#said.textContent = inWords(label, outcomes, ids.length);
    this.#draw();
    if (!this.#undo.hidden) this.#undo.focus();
    await this.#afterwards();
  }

  #draw() {
    for (const input of document.querySelectorAll("input[data-pick]")) {
      const id = this.#ids.find((each) => this.#keyOf(each) === input.dataset.pick);
      if (id) input.checked = this.#picked.has(id);
    }
    this.#all.textContent = this.#picked.size === this.#ids.length ? "Tick none" : "Tick all";
    this.#undo.hidden = !this.#last;
    const content = { classes: this.#picked.size ? this.#classes : [], searchId: `search-${this.#name}` };
    show(this.#choice, content, () => (content.classes.length ? buildClasses(content, (label) => this.#send(label), null) : []));
  }
}

function inWords(label, outcomes, numAsked) {
  const num = (status) => outcomes.filter((each) => each === status).length;
  return [
    `${count(outcomes.length, "image")} labelled ${label}.`,
    outcomes.length < numAsked ? `${numAsked - outcomes.length} not: they stay ticked.` : "",
    num("conflict") ? `Of ${num("conflict")} others say otherwise: a person has to settle it, under Labelling.` : "",
  ].filter(Boolean).join(" ");
}
