"""Writes the pages that follow from the code and from recorded figures."""
