"""Labels that production does not know: what waits, what a person said of it, and what is to be learnt."""
