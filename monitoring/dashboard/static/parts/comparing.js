// Chooses the two versions that are compared.

const byId = (id) => document.getElementById(id);

export function setUpComparing(version = "", other = "") {
  byId("compare-version").value = version;
  byId("compare-other").value = other;
  byId("compare").addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(`/versions/${named("compare-version")}/against/${named("compare-other")}`);
  });
}

// Both "3" and "v3" name a version.
function named(id) {
  const text = byId(id).value.trim();
  return encodeURIComponent(/^\d+$/.test(text) ? `v${text}` : text);
}
