"""The settings, the command line, and the services that wire the rooms together."""
