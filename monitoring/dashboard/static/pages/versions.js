// The versions, a page at a time.

import { get } from "../api.js";
import { show } from "../dom.js";
import { start } from "../frame.js";
import { beforeHere, buildPaging } from "../parts/paging.js";
import { buildVersions } from "../parts/versions.js";

const PAGE = 20;
const byId = (id) => document.getElementById(id);
const before = beforeHere();

start(async ({ production }) => {
  const { models } = await get(`/v1/models?limit=${PAGE + 1}${before ? `&before=${before}` : ""}`);
  const shown = models.slice(0, PAGE);
  show(byId("versions"), { models: shown, production }, buildVersions);
  show(byId("paging"), { path: "/versions", before, next: models.length > PAGE ? shown.at(-1).number : null }, buildPaging);
});
