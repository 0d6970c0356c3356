"""Scheduled runs of the line: thin Prefect flows, one a job."""
