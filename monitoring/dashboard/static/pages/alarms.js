// The alarms, open ones first.

import { element, quiet, show } from "../dom.js";
import { goingOn, start } from "../frame.js";
import { alarmCard } from "../parts/alarms.js";

const NONE = "No alarm. One is raised where the images, the answers or the errors change by more than chance explains.";
const byId = (id) => document.getElementById(id);

start(async (status, answered) => {
  const open = goingOn(answered);
  const past = (answered?.alarms ?? []).filter((alarm) => !open.includes(alarm));
  show(byId("open-alarms"), open, (list) => (list.length ? cards(list) : quiet(NONE)));
  show(byId("past-alarms"), past, (list) => (list.length ? cards(list) : quiet("Alarms that ended stand here.")));
});

function cards(list) {
  return element("ul", { className: "lines" }, ...list.map(alarmCard));
}
