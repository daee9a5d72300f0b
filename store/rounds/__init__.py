"""Rounds as rows: their states, their steps, and the samples that they use."""
