// The images that a version sees most like the one that is looked at.

import { hint, quiet } from "../dom.js";
import { count } from "../format.js";
import { buildGallery } from "./gallery.js";

// `box` builds the box that ticks an image.
export function buildSimilar({ version, num_compared: numCompared, predictions }, box) {
  if (!predictions.length) return quiet(`No other image was answered by ${version} lately.`);
  return [
    hint(
      `The most alike first, as ${version} sees them, of the ${count(numCompared, "other image")} that it answered last. `
      + "Images that only other versions answered are not among them.",
    ),
    buildGallery(predictions, ({ id }, index) => box(id, `image ${index + 1}`)),
  ];
}
