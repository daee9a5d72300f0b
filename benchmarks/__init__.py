"""Measurements, each with its results in `benchmarks/results/`."""
