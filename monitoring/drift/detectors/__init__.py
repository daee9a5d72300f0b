"""Detectors: sums of features over a window tell how far it lies from the reference."""
