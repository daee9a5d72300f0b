"""How fast the dashboard's pages are where there is much to show."""
