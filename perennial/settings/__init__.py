"""All settings: their names, where they are read from, and each room's part of them."""
