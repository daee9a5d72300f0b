"""What a reader is answered: the shapes that the API, the command line and the dashboard share."""
