// How fast predictions are answered, in one sentence.

import { element, hint } from "../dom.js";
import { count, duration } from "../format.js";

export function buildLatency({ num_requests: num, median_seconds: median, p99_seconds: slowest }) {
  if (!num) return hint("How fast they are answered stands here once this server was asked.");
  return element(
    "p", { className: "hint" }, "Half of the answers came ", within(median), ", 99 of 100 ", within(slowest),
    `: by all workers, over the ${count(num, "request")} since this server started.`,
  );
}

// The slowest that is counted apart are ten seconds.
function within(seconds) {
  return element("strong", {}, seconds === null ? "in more than 10 s" : `within ${duration(seconds)}`);
}
