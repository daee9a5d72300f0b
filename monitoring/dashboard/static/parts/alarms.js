// The alarms: what was noticed, since when, and what a person said of it.

import { action } from "../actions.js";
import { badge, element } from "../dom.js";
import { since, words } from "../format.js";
import { picture } from "../picture.js";

const MAX_PICTURES = 20;

export function alarmCard(alarm) {
  const { id, kind, state, raised, since: began, ended, sentence, classes, images } = alarm;
  return element(
    "li", { className: "alarm", id: `alarm-${id}` },
    element(
      "div", { className: "line-title" },
      element("strong", {}, `Alarm ${id}`), badge(ended ? "" : state === "acknowledged" ? "warn" : "bad", words(ended ? "ended" : state)),
      element("span", { className: "quiet" }, words(kind ?? "")), since(raised),
    ),
    element("p", { className: "sentence-lead" }, sentence),
    element(
      "p", { className: "hint" }, began ? "It began " : "", began ? since(began) : "", ended ? "; it ended " : "", ended ? since(ended) : "",
      classes?.length ? ` · Classes: ${classes.slice(0, 8).join(", ")}${classes.length > 8 ? ", …" : ""}` : "",
    ),
    images?.length ? element("ul", { className: "gallery small" }, ...images.slice(0, MAX_PICTURES).map(evidence)) : null,
    ended ? null : controls(alarm),
  );
}

// The image, with the answer and the nearest image that was learnt where they are told.
function evidence({ prediction_id: prediction, sha256, label, nearest }) {
  const path = prediction ? `/v1/predictions/${prediction}/image` : `/v1/images/${sha256}`;
  return element(
    "li", { className: "shot" },
    picture(path, label ? `An image that was answered with ${label}` : "An image that raised the alarm"),
    nearest ? picture(`/v1/images/${nearest}`, "The nearest image of what is normal") : null,
    label ? element("p", { className: "shot-label", title: label }, label) : null,
  );
}

function controls({ id, state }) {
  return element(
    "div", { className: "row" },
    state === "acknowledged" ? null : action("I have seen it", `Alarm ${id} stays open, and others know that somebody looks at it.`, {
      title: `Acknowledge alarm ${id}`, path: `/v1/alarms/${id}/ack`, takesReason: true, id: `ack-${id}`,
    }),
    action("This is the new normal", "What comes in now becomes what later images are compared with, and the alarm ends.", {
      title: `Accept alarm ${id}`, path: `/v1/alarms/${id}/accept`, takesReason: true, id: `accept-${id}`,
    }),
  );
}
