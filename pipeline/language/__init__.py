"""Facts in, English out: relations and their wordings, grammar, prompts, and the subgraph that sentences may name."""
