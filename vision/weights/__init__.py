"""Loads pretrained weights from torch hub's cache, a package, this repository, or a user's file."""
