"""Trains classifiers: single runs, and the strategies that combine them."""
