"""What grows with what: the curves behind `docs/measurements/scale.md`."""
