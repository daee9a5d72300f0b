"""Measures how fast images are answered: compared with other servers, beside a round, and during swaps."""
