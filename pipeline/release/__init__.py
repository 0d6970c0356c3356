"""Edits to a release: files, evidence, checks, figures, card and manifest, put in place whole."""
