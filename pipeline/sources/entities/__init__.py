"""An entity's JSON to rows of STATEMENTS, ENTITIES, MENTIONS and TITLES."""
