"""Ways to carry a classifier from the domain it learns in to another, each in a file of its own."""
