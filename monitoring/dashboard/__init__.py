"""The page at `/`: what serves, what is learnt, and what the gate decided."""
