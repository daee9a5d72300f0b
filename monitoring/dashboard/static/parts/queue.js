// The labelling view: one image at a time, answered by a button or a key.

import { getBlob, post } from "../api.js";
import { buildClasses, remember } from "./classes.js";
import { show } from "../dom.js";
import { count, day } from "../format.js";
import { Sitting } from "./sitting.js";

const byId = (id) => document.getElementById(id);
const NONE = { answer: "none" };
const SKIP = { answer: "skip" };
const STEPS = {
  s: () => send(SKIP), n: () => send(NONE), u: () => go("undo"),
  ArrowLeft: () => go("back"), ArrowRight: () => go("forward"), "/": () => byId("class-search")?.focus(),
};

const sitting = new Sitting();
// Addresses of images, by question; the present one's and the next one's.
const images = new Map();
let classes = [];
let keys = new Map();
let waitingTrial = null;
let isSending = false;
let complain = () => {};

export function setUpQueue(onProblem) {
  complain = onProblem;
  document.addEventListener("keydown", pressed);
  byId("answer-none").addEventListener("click", () => send(NONE));
  byId("answer-skip").addEventListener("click", () => send(SKIP));
  byId("answer-undo").addEventListener("click", () => go("undo"));
}

export function showQueue(queue, trial) {
  waitingTrial = trial;
  classes = queue.classes;
  sitting.update(queue.questions.map(({ id }) => id));
  showProgress(queue.num_open);
  draw();
}

function showProgress(numOpen) {
  const text = progress(waitingTrial, numOpen);
  if (byId("queue-progress").textContent !== text) byId("queue-progress").textContent = text;
}

// "12 of 31 answered" and what is missing for a decision.
function progress(trial, numOpen) {
  const open = numOpen ? `${count(numOpen, "image")} to label.` : "Nothing is asked now.";
  if (!trial) return open;
  const needed = trial.needed ? `, ${trial.needed.toLocaleString("en")} more for the candidate decide` : "";
  const ends = trial.ends ? ` It waits until ${day(trial.ends)}.` : "";
  return `Round ${trial.round}: ${trial.answered} of ${trial.asked} answered${needed}.${ends} ${open}`;
}

function pressed(event) {
  const isTyping = event.target.tagName === "INPUT";
  if (isTyping && event.key === "Escape") byId("question").focus();
  if (isTyping || document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const name = keys.get(event.key);
  const act = name === undefined ? STEPS[event.key] : () => send({ label: name });
  if (!act) return;
  event.preventDefault();
  act();
}

function go(way) {
  if (isSending) return;
  sitting[way]();
  const answer = sitting.current?.answer;
  say(answer ? `${told(answer)} That stands until you give another answer.` : "");
  draw();
}

// What became of an answer, in words.
function told({ label, answer }) {
  if (label) return `Taken: ${label}.`;
  return answer === "skip" ? "Skipped: others are asked." : "Taken: none of these.";
}

function say(text) {
  byId("queue-said").textContent = text;
}

async function send(answer) {
  const question = sitting.current;
  if (!question || isSending) return;
  isSending = true;
  draw();
  try {
    const { num_open: numOpen } = await post(`/v1/queue/${encodeURIComponent(question.id)}`, answer);
    showProgress(numOpen);
    if (answer.label) remember(answer.label);
    sitting.answered(question, answer);
    say(`${told(answer)} Undo shows it again.`);
  } catch (refusal) {
    if (refusal.status === 404) sitting.drop(question);
    complain(refusal.message, true);
  }
  isSending = false;
  draw();
  // Who searches goes on typing; all others go on with keys.
  if (document.activeElement?.id !== "class-search") byId("question").focus({ preventScroll: true });
}

function draw() {
  const { current } = sitting;
  byId("question").hidden = !current && !sitting.canUndo;
  byId("question-image").hidden = !current;
  byId("question-none").hidden = Boolean(current);
  const chosen = current?.answer;
  const content = { id: current?.id, classes: current ? classes : [], chosen: chosen?.label };
  show(byId("question-classes"), content, () => buildClasses(content, (label) => send({ label }), (map) => { keys = map; }));
  byId("answer-none").setAttribute("aria-pressed", String(chosen?.answer === "none"));
  byId("answer-skip").setAttribute("aria-pressed", String(chosen?.answer === "skip"));
  for (const node of byId("question").querySelectorAll("button")) node.disabled = isSending || !current;
  byId("answer-undo").disabled = isSending || !sitting.canUndo;
  showImages(current?.id ?? null, sitting.next);
}

function showImages(id, next) {
  for (const [other, address] of images) {
    if (other === id || other === next) continue;
    // Later: the browser may not have begun to read it.
    address.then((text) => setTimeout(() => URL.revokeObjectURL(text), 1000), () => {});
    images.delete(other);
  }
  for (const each of [id, next]) if (each && !images.has(each)) images.set(each, load(each));
  const node = byId("question-image");
  if (!id || node.dataset.question === id) return;
  node.dataset.question = id;
  node.removeAttribute("src");
  node.alt = "The image to label";
  images.get(id).then(
    (address) => { if (node.dataset.question === id) node.src = address; },
    (refusal) => { if (node.dataset.question === id) node.alt = `The image can’t be shown. ${refusal.message}`; },
  );
}

async function load(id) {
  return URL.createObjectURL(await getBlob(`/v1/queue/${encodeURIComponent(id)}/image`));
}
