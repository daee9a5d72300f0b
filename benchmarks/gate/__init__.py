"""How often the gate and the watch are wrong: rounds with a known truth, through the product's own rules."""
