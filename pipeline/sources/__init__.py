"""Where statements come from: everything that reads Wikidata, and nothing else."""
