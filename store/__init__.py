"""Stores everything that persists: samples, predictions, rounds, versions, measurements and image bytes."""
