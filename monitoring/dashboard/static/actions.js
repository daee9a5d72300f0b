// The buttons that change something: each asks first, then says what came of it.

import { post } from "./api.js";
import { button } from "./dom.js";

const byId = (id) => document.getElementById(id);
let afterwards = () => {};
let complain = () => {};

export function setUpActions(refresh, showProblem) {
  afterwards = refresh;
  complain = showProblem;
}

export function action(label, question, { title, path, takesReason = false, body, ...properties }) {
  const node = button(label, async () => {
    const answer = await ask(title ?? label, question, label, takesReason);
    if (answer === null) return;
    node.disabled = true;
    try {
      await post(path, takesReason ? { ...body, reason: answer } : body);
    } catch (refusal) {
      complain(refusal.message, true);
    }
    node.disabled = false;
    await afterwards();
  }, properties);
  return node;
}

// Resolves to the reason given, or to null where the person thought better of it.
function ask(title, question, label, takesReason) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = question;
  byId("confirm-reason").value = "";
  byId("confirm-reason").hidden = !takesReason;
  byId("confirm-reason-label").hidden = !takesReason;
  byId("confirm-yes").textContent = label;
  dialog.showModal();
  return new Promise((resolve) => {
    let answer = null;
    byId("confirm-yes").onclick = () => {
      answer = byId("confirm-reason").value.trim();
      dialog.close();
    };
    byId("confirm-no").onclick = () => dialog.close();
    dialog.onclose = () => resolve(answer);
  });
}
