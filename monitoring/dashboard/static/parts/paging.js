// The way through a long list: each page of it has an address of its own.

import { link } from "../dom.js";

export function beforeHere() {
  return new URLSearchParams(location.search).get("before");
}

// `next` is the last one shown, where there are older ones.
export function buildPaging({ path, before, next }) {
  const address = (value) => {
    const query = new URLSearchParams(location.search);
    query.delete("before");
    if (value) query.set("before", value);
    return query.size ? `${path}?${query}` : path;
  };
  return [
    before ? link(address(null), "Newest", { className: "button" }) : null,
    next ? link(address(next), "Older", { className: "button" }) : null,
  ];
}
