"""Samples outside of the store: written as tars, a folder or a CSV, and brought back from them."""
