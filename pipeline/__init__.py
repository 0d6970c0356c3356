"""editmill turns Wikidata into data sets for knowledge editing.

Importing this package is cheap: every heavy library is imported by the one module that needs it.
The straight line from a source to a release is `pipeline.jobs.build`.
"""

__version__ = "0.1.0"
