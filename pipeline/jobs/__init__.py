"""Whole runs, one module a command: build, ingest and diff, plan, publish."""
