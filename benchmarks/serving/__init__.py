"""How fast images are answered, beside other servers, a round, swaps and growth."""
