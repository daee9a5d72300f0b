"""Where labelled images come from: one file for each format, all giving the listing of `listing.py`."""
