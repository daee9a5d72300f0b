"""Reads labelled images: one file for each format, and all return a listing as in `listing.py`."""
