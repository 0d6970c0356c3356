"""Dump files as bytes: compression, shards, streams, checksums, resumable downloads."""
