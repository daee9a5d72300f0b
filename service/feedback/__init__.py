"""From a label to a stored sample."""
