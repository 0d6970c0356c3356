"""The commands, in the order of `--help`.

Heavy modules are imported by the command that needs them when it runs, so that `--help` answers at once.
"""

from pipeline.cli import audit, build, dumps, plan, releases, sandbox, score

COMMANDS = (build.BUILD, plan.PLAN, *dumps.DUMPS, *releases.RELEASES, audit.AUDIT, score.SCORE, sandbox.SANDBOX)
