// Two versions beside each other.

import { get } from "../api.js";
import { quiet, show } from "../dom.js";
import { refreshNow, start } from "../frame.js";
import { buildClasses, buildConfusions, buildFlips, buildSlices, buildSummary } from "../parts/comparison.js";
import { setUpComparing } from "../parts/comparing.js";

const byId = (id) => document.getElementById(id);
const [, , version, , other] = location.pathname.split("/");

setUpComparing(version, other);
byId("class-part").addEventListener("input", refreshNow);
byId("class-form").addEventListener("submit", (event) => event.preventDefault());
start(async () => {
  const query = new URLSearchParams({ other, label: byId("class-part").value.trim() });
  const comparison = await get(`/v1/models/${version}/comparison?${query}`).catch((refusal) => {
    show(byId("summary"), refusal.message, () => quiet(`${version} and ${other} can’t be compared.`));
    throw refusal;
  });
  show(byId("summary"), comparison.slices, () => buildSummary(comparison));
  show(byId("slices"), comparison.slices, () => buildSlices(comparison));
  show(byId("classes"), comparison, buildClasses);
  show(byId("confusions"), [comparison.confusions, comparison.matrix], () => buildConfusions(comparison));
  show(byId("flips"), comparison.flips, () => buildFlips(comparison));
  for (const name of ["by-flip", "by-class", "by-confusion"]) byId(name).hidden = !comparison.slices.length;
});
