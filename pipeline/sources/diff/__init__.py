"""Two states to changes: which items differ, statement by statement, and what kind of change each difference is."""
