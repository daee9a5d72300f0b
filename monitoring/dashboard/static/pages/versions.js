// The versions, a page at a time.

import { get } from "../api.js";
import { element, quiet, show } from "../dom.js";
import { start } from "../frame.js";
import { setUpComparing } from "../parts/comparing.js";
import { beforeHere, buildPaging } from "../parts/paging.js";
import { rollBack, versionLine } from "../parts/versions.js";

const PAGE = 20;
const byId = (id) => document.getElementById(id);
const before = beforeHere();

setUpComparing();
start(async ({ production }) => {
  const { models } = await get(`/v1/models?limit=${PAGE + 1}${before ? `&before=${before}` : ""}`);
  const shown = models.slice(0, PAGE);
  show(byId("versions"), { shown, production }, build);
  show(byId("paging"), { path: "/versions", before, next: models.length > PAGE ? shown.at(-1).number : null }, buildPaging);
});

function build({ shown, production }) {
  if (!shown.length) return quiet("No version yet: “perennial train DIR” makes the first from a folder of images.");
  return [
    element("ul", { className: "lines" }, ...shown.map(versionLine)),
    production && shown.length > 1 ? element("div", { className: "row" }, rollBack(production)) : null,
  ];
}
