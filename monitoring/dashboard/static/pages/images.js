// The images of the log: searched by class, source, time, confidence and outcome.

import { get } from "../api.js";
import { element, quiet, show } from "../dom.js";
import { start } from "../frame.js";
import { buildGallery } from "../parts/gallery.js";
import { beforeHere, buildPaging } from "../parts/paging.js";

const PAGE = 48;
const FIELDS = ["label", "source", "version", "since", "until", "min_confidence", "max_confidence", "outcome"];
const byId = (id) => document.getElementById(id);
const here = new URLSearchParams(location.search);

for (const name of FIELDS) byId(name).value = here.get(name) ?? "";
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = new URLSearchParams(FIELDS.map((name) => [name, byId(name).value.trim()]).filter(([, value]) => value));
  location.assign(query.size ? `/images?${query}` : "/images");
});

start(async ({ classes }) => {
  // Many classes are typed, not listed.
  show(byId("classes"), classes.slice(0, 200), (names) => names.map((value) => element("option", { value })));
  const page = await get(`/v1/predictions?${asked()}`);
  show(byId("images"), page, build);
  show(byId("paging"), { path: "/images", before: beforeHere(), next: page.before }, buildPaging);
});

function asked() {
  const query = new URLSearchParams({ limit: PAGE });
  for (const name of [...FIELDS, "before"]) if (here.get(name)) query.set(name, here.get(name));
  // A day is asked for as this person's day; "until" includes it.
  for (const [name, days] of [["since", 0], ["until", 1]]) if (query.has(name)) query.set(name, midnight(query.get(name), days));
  for (const name of ["min_confidence", "max_confidence"]) if (query.has(name)) query.set(name, Number(query.get(name)) / 100);
  return query;
}

function midnight(text, days) {
  const time = new Date(`${text}T00:00`);
  time.setDate(time.getDate() + days);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

function build({ predictions, before }) {
  if (predictions.length) return buildGallery(predictions);
  if (before) return quiet("None among the last 20,000 predictions that were looked at. “Older” looks further back.");
  const isAll = ![...here.keys()].length;
  return quiet(isAll ? "No predictions yet. Try an image on the overview, or send one to POST /v1/predict." : "No prediction is like that.");
}
