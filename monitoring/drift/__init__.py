"""Drift: whether the images that come in differ from what is normal, and in what."""
