// The alarms: what was noticed, since when, the images that show it with boxes to label several at once, and
// what a person said of it.

import { action } from "../actions.js";
import { badge, element, hint, link } from "../dom.js";
import { capitalised, since, words } from "../format.js";
import { picture } from "../picture.js";

export const KINDS = { looks: "the images look different", class_mix: "other classes come", errors: "more answers are wrong" };
const STATES = { open: "bad", acknowledged: "warn", accepted: "", ended: "" };

// `several` is what labels the images of an alarm that goes on.
export function alarmCard(alarm, several) {
  const { id, kind, state, raised, sentence, images } = alarm;
  return element(
    "li", { className: "alarm", id: `alarm-${id}` },
    element(
      "div", { className: "line-title" },
      element("strong", {}, `Alarm ${id}`), badge(STATES[state] ?? "", words(state)),
      element("span", { className: "quiet" }, KINDS[kind] ?? words(kind ?? "")), since(raised),
    ),
    element("p", { className: "sentence-lead" }, sentence),
    hint(...course(alarm)),
    images?.length ? (alarm.ended ? onDemand(alarm) : [pictures(alarm, several), several.panel]) : null,
    alarm.ended ? null : controls(alarm),
  );
}

function course({ since: began, ended, classes, acted_by: actor, reason, version, state }) {
  return [
    began ? ["It began ", since(began), ". "] : [],
    ended ? ["It ended ", since(ended), ". "] : [],
    classes?.length ? `Most in ${classes.slice(0, 8).join(", ")}${classes.length > 8 ? ", …" : ""}. ` : "",
    version ? ["Answered by ", link(`/versions/${version}`, version), ". "] : [],
    actor ? `${capitalised(words(state))} by ${actor === "learner" ? "the learner" : actor}${reason ? `: ${reason}` : ""}` : "",
  ].flat();
}

// The pictures of what is over are fetched when they are asked for: fifty old alarms have two thousand.
function onDemand(alarm) {
  const node = element("details", {}, element("summary", {}, `${alarm.images.length} images`));
  node.addEventListener("toggle", () => node.append(pictures(alarm)), { once: true });
  return node;
}

function pictures({ id, images }, several = null) {
  const path = (sha256) => `/v1/alarms/${id}/images/${sha256}`;
  return element(
    "div", {},
    hint(
      "The images that made it most, each at the left of the one that is normal and most like it. Their labels are asked for, under ",
      link("/labelling", "Labelling"), ".",
    ),
    element("ul", { className: "pairs" }, ...images.slice(0, 20).map(({ sha256, nearest_sha256: nearest, prediction_id: prediction }, index) => element(
      "li", {},
      link(`/images/${prediction}`, picture(path(sha256), "An image that made the alarm")),
      nearest ? picture(path(nearest), "The normal image that is most like it") : null,
      several?.box(prediction, `image ${index + 1}`),
    ))),
  );
}

function controls({ id, state }) {
  return element(
    "div", { className: "row" },
    state === "open" ? action("I have seen it", `Alarm ${id} goes on, and no other of its kind is raised meanwhile.`, {
      title: `Acknowledge alarm ${id}`, path: `/v1/alarms/${id}/ack`, takesReason: true, id: `ack-${id}`,
    }) : null,
    action("This is the new normal", "What comes from now on is normal, and the alarm ends.", {
      title: `Accept alarm ${id}`, path: `/v1/alarms/${id}/accept`, takesReason: true, id: `accept-${id}`,
    }),
  );
}
