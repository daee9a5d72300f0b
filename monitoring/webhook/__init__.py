"""Alerts by webhook: what there is to say, how a message looks, and how it is delivered."""
