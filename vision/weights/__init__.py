"""Where pretrained weights come from: torch hub's cache, a package, this repository, or a user's file."""
