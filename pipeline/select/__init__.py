"""Statements to facts: screening, categories, long-tail thresholds, and the choice of facts."""
