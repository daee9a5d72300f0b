"""Ways to fit a classifier to pictures unlike those it was trained on, each in a file with its source."""
