"""Networks, preprocessing, transfer and artifacts: all it takes to build, save and read back a classifier."""
