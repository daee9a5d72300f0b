"""The learning loop: when to learn, what to rehearse, and whether the result may replace production."""
