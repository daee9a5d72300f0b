// The alarms, open ones first.

import { element, quiet, show } from "../dom.js";
import { goingOn, problem, refreshNow, start } from "../frame.js";
import { alarmCard } from "../parts/alarms.js";
import { Several } from "../parts/several.js";

const NONE = "No alarm. One is raised where the images, the answers or the errors change by more than chance explains.";
const byId = (id) => document.getElementById(id);
// By alarm: what is ticked there, and what was labelled last.
const several = new Map();

start(async ({ classes }, answered) => {
  const open = goingOn(answered);
  const past = (answered?.alarms ?? []).filter((alarm) => !open.includes(alarm));
  show(byId("open-alarms"), open, (list) => (list.length ? cards(list) : quiet(NONE)));
  for (const { id, images } of open) severalOf(id).update((images ?? []).map((image) => image.prediction_id), classes);
  show(byId("past-alarms"), past, (list) => (list.length ? cards(list) : quiet("Alarms that ended stand here.")));
});

function cards(list) {
  return element("ul", { className: "lines" }, ...list.map((alarm) => alarmCard(alarm, severalOf(alarm.id))));
}

function severalOf(id) {
  if (!several.has(id)) several.set(id, new Several(`alarm-${id}`, refreshNow, problem));
  return several.get(id);
}
