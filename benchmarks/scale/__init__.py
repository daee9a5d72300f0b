"""What grows with what: the curves behind `docs/scale.md`."""
