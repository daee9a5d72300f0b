// How far the next round is, and how the present one goes.

import { action } from "../actions.js";
import { badge, element, hint, link } from "../dom.js";
import { count, day, number, since, words } from "../format.js";

const STATES = ["requested", "preparing", "training", "evaluating", "decided"];
const WAITING = { awaiting_labels: "waits for labels", awaiting_approval: "waits for approval" };

// `isBrief` leaves out the buttons; `last` is the last round that ended.
export function buildLearning({ status, hasRounds, isBrief = false, last = null }) {
  return [
    progress(status, hasRounds),
    status.round ? buildProgress(status.round, status.trial) : element("p", {}, "No round in progress."),
    last ? lastRound(last) : null,
    setAside(status),
    state(status),
    isBrief ? null : controls(status),
  ];
}

export function untilFirst({ num_pending, threshold }) {
  const left = threshold - num_pending;
  return left > 0 ? `No rounds yet: ${count(left, "more sample")} until the first.` : "No rounds yet; enough samples for the first.";
}

function progress(status, hasRounds) {
  const { num_pending, threshold, round, waits_for } = status;
  const left = Math.max(0, threshold - num_pending);
  const bar = element("progress", { max: Math.max(1, threshold), value: Math.min(num_pending, threshold) });
  bar.setAttribute("aria-label", "New samples until a round starts");
  const untilNext = left ? `${count(left, "more sample")} until the next round.` : "Enough samples for a round.";
  // What the next round waits for may be another number than the threshold: its sentence names it.
  const goal = waits_for ? (num_pending === 1 ? " new sample" : " new samples") : ` of ${number(threshold)} new samples`;
  return element(
    "div", { className: "progress" },
    element("p", { className: "headline" }, number(num_pending), element("span", { className: "of" }, goal)),
    waits_for ? null : bar,
    round ? null : hint(waits_for ?? (hasRounds ? untilNext : untilFirst(status))),
  );
}

function setAside({ num_conflicts, num_quarantined }) {
  if (!num_conflicts && !num_quarantined) return null;
  const conflicts = num_conflicts ? `${count(num_conflicts, "sample")} whose sources disagree` : "";
  const unknown = num_quarantined ? `${count(num_quarantined, "sample")} whose label no class has` : "";
  return element(
    "p", { className: "hint", id: "set-aside" },
    `Set aside: ${[conflicts, unknown].filter(Boolean).join(", ")}.${conflicts ? " Disputed labels are settled under Labelling." : ""}`,
  );
}

function lastRound({ id, state, sentence, reason, ended }) {
  return element(
    "p", {}, "Last: ", link(`/rounds/${id}`, `round ${id}`), ` was ${words(state)} `, since(ended), `. ${sentence ?? reason ?? ""}`,
  );
}

// The round in progress: which step it has reached, and how far its training or its questions are.
export function buildProgress({ id, state, step, detail, started, training }, trial) {
  const waits = WAITING[state];
  const reached = waits ? STATES.length - 1 : STATES.indexOf(state);
  const steps = STATES.map((name, index) => {
    const kind = index < reached ? "done" : index === reached ? "now" : "";
    const label = waits && index === reached ? waits : name;
    return element("li", { className: kind, attributes: index === reached ? { "aria-current": "step" } : {} }, label);
  });
  return element(
    "div", { className: "round-now" },
    element("p", {}, link(`/rounds/${id}`, `Round ${id}`), " is in progress", started ? ", started " : "", started ? since(started) : "", "."),
    element("ol", { className: "steps" }, ...steps),
    training ? trainingProgress(training) : null,
    trial?.round === id ? trialProgress(trial) : null,
    step && step !== state && !training ? hint(lastStep(step, detail)) : null,
  );
}

function lastStep(step, detail) {
  return step === "epoch" && detail?.epoch ? `Epoch ${detail.epoch}${detail.epochs ? ` of ${detail.epochs}` : ""} is done.` : `Last step: ${words(step)}.`;
}

// What is answered of the questions that a round waits for.
function trialProgress({ asked, answered, needed, ends }) {
  const missing = needed ? ` ${count(needed, "more answer")} for the candidate promote it.` : "";
  const bar = element("progress", { max: Math.max(1, asked), value: answered });
  bar.setAttribute("aria-label", "Answered questions");
  return element(
    "div", { id: "trial" }, bar,
    hint(
      `${answered} of ${count(asked, "question")} answered.${missing} It waits until ${day(ends)}. `,
      link("/labelling", "Answer them"),
    ),
  );
}

function trainingProgress({ epoch, num_epochs, num_steps_done, num_steps, seconds_left }) {
  const bar = element("progress", { max: num_steps, value: num_steps_done });
  bar.setAttribute("aria-label", "Steps of the training");
  const left = seconds_left < 100 ? `${Math.round(seconds_left)} s` : `${Math.round(seconds_left / 60)} min`;
  return element(
    "div", { id: "training-progress" }, bar,
    hint(
      `Epoch ${epoch} of ${num_epochs}, step ${number(num_steps_done)} of ${number(num_steps)}, about ${left} left.`,
    ),
  );
}

export function inline(detail) {
  // Lists, such as all blends that were tried, are for programs.
  const entries = Object.entries(detail ?? {}).filter(([, value]) => value !== null && typeof value !== "object");
  return entries.length ? `: ${entries.map(([name, value]) => `${words(name)} ${number(value)}`).join(", ")}` : "";
}

function state({ paused, learner }) {
  const lines = [];
  if (paused) {
    const why = paused.reason ? ` by ${paused.by}: ${paused.reason}` : "";
    lines.push(element("p", {}, badge("warn", "paused"), ` Learning is paused${why}.`));
  }
  if (!learner.is_alive) {
    lines.push(element(
      "p", {}, badge("bad", "no learner"),
      " No learner is at work, so that no round can run. “perennial learn” starts one.",
    ));
  }
  return element("div", {}, ...lines);
}

// Approve and cancel, where a round is not decided yet.
export function roundControls(round) {
  return [
    WAITING[round.state] ? action(
      "Approve",
      `The candidate of round ${round.id} goes into production on every worker${round.state === "awaiting_labels" ? ", without the labels that would prove it better" : ""}.`,
      {
        path: `/v1/rounds/${round.id}/approve`, id: "approve-round",
        className: round.state === "awaiting_approval" ? "primary" : "",
      },
    ) : null,
    action(
      "Cancel the round", `Round ${round.id} ends without a candidate; its samples stay for the next.`,
      { path: `/v1/rounds/${round.id}/cancel`, id: "cancel-round" },
    ),
  ];
}

function controls({ round, paused, num_pending, production }) {
  const pending = count(num_pending, "new sample");
  return element(
    "div", { className: "row" },
    round || !production ? null : action("Run a round", `A round starts now, with ${pending}.`, { path: "/v1/rounds", id: "run-round" }),
    ...(round ? roundControls(round) : []),
    paused
      ? action("Resume learning", "Rounds start by themselves again.", { path: "/v1/learning/resume", id: "resume" })
      : action(
        "Pause learning", "No round starts by itself until you resume. Predictions and feedback go on.",
        { path: "/v1/learning/pause", takesReason: true, id: "pause" },
      ),
  );
}
