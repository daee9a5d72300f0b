"""Experiments on a user's own images; each answers one question from what it measures."""
