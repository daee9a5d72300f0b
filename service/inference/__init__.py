"""From an image to an answer: batches, the live version and its swap, the log."""
