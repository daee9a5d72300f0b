"""A demonstration of the whole loop on a server of its own."""
