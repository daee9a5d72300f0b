// The labels that production does not know, each with what may be done with it, and the known classes.

import { get } from "../api.js";
import { quiet, show } from "../dom.js";
import { start } from "../frame.js";
import { buildKnown, buildUnknown } from "../parts/unknown_labels.js";

const NONE = "None. Feedback whose label is no class would stand here.";
const byId = (id) => document.getElementById(id);

start(async () => {
  const { unknown, classes } = await get("/v1/classes");
  const names = { unknown: unknown.map(({ name }) => name), classes: classes.map(({ name }) => name) };
  show(byId("unknown-labels"), { unknown, names }, () => (unknown.length ? buildUnknown(unknown, names) : quiet(NONE)));
  show(byId("known-classes"), classes, (list) => (list.length ? buildKnown(list) : quiet("No version yet.")));
});
