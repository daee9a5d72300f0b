"""The whole loop on drifted photographs, as different users go through it."""
