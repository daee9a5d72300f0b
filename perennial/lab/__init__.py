"""Experiments on a user's own images: each asks one question, and answers it from what it measured."""
