// An image of /v1, fetched with the reader's key where there is one.

import { getBlob, key } from "./api.js";
import { element } from "./dom.js";

export function picture(path, alt, properties = {}) {
  const node = element("img", { alt, loading: "lazy", decoding: "async", className: "thumbnail", ...properties });
  node.addEventListener("error", () => { node.alt = "This image is no longer there."; node.classList.add("missing"); });
  if (key()) load(node, path);
  else node.src = path;
  return node;
}

async function load(node, path) {
  try {
    const address = URL.createObjectURL(await getBlob(path));
    node.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
    node.src = address;
  } catch (refusal) {
    node.alt = `The image can’t be shown. ${refusal.message}`;
    node.classList.add("missing");
  }
}
