"""The prediction log: what was answered, and how long it is kept."""
