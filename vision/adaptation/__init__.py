"""Adapts a classifier to another domain than the one that it learns in."""
