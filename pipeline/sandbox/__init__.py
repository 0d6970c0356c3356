"""A small Wikidata and a small Hub on loopback, for tests and for newcomers."""
