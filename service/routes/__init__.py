"""The routes: requests in, answers out; what they do is done by the services."""
