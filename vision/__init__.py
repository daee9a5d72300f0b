"""Trains, saves, loads and runs image classifiers."""
