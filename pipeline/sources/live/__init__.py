"""A living wiki: its API and query service within a request rate, and a window of its changes."""
