"""Finds labels that are probably wrong, and names the sources that most of them come from."""
