// The sources of labels: how much of each is doubtful, and whose labels count.

import { getIfThere } from "../api.js";
import { element, quiet, show } from "../dom.js";
import { start } from "../frame.js";
import { sourceCard } from "../parts/sources.js";

const NONE = "Nobody sent a label yet. Labels of the first training are not feedback, and stand here never.";

start(async () => {
  const answered = await getIfThere("/v1/sources");
  show(document.getElementById("sources"), answered?.sources ?? [], (list) => (
    list.length ? element("ul", { className: "lines" }, ...list.map(sourceCard)) : quiet(NONE)
  ));
});
