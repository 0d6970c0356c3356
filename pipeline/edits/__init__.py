"""Facts to edits: prompts and targets, locality and portability probes, splits, robust variants, rejected rows."""
