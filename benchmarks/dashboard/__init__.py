"""How fast the dashboard's pages are over a home of a year's size."""
