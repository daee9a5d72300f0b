"""The front door: settings, the command line, and the two BentoML services that wire the rooms together."""
