"""`editmill check`, `explain`, `drift` and `publish`: what is done with a finished release."""

import argparse
from pathlib import Path

from pipeline.cli.arguments import Command, add_config, add_release, name
from pipeline.cli.output import write_out
from pipeline.core.extras import require
from pipeline.core.progress import Reporter


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="Q23", help="an item")
    parser.add_argument("relation", metavar="P26", help="a relation")
    parser.add_argument("--release", type=Path, required=True, metavar="DIR", help="the folder of a release")
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="the work folder of its build, with the rejected rows that a large release does not list "
        "(default: .work beside the release)",
    )


def _drift_arguments(parser: argparse.ArgumentParser) -> None:
    add_release(parser)
    past = parser.add_mutually_exclusive_group(required=True)
    past.add_argument("--against", type=Path, nargs="+", metavar="DIR", help="folders of earlier releases")
    past.add_argument("--repo-id", metavar="ORG/NAME", help="a repository on the Hub, for its last releases")
    add_config(parser)


def _publish_arguments(parser: argparse.ArgumentParser) -> None:
    add_release(parser)
    parser.add_argument("--repo-id", required=True, metavar="ORG/NAME", help="the repository on the Hub")
    parser.add_argument("--private", action="store_true", help="make the repository private, if it is made now")
    parser.add_argument("--tag", type=name, metavar="NAME", help="its tag (default: the release's name)")
    parser.add_argument("--accept-drift", action="store_true", help="publish although it is not like the last ones")
    add_config(parser)


def _check(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.core.manifest import digest_of
    from pipeline.language.templates import load_templates
    from pipeline.release.assemble import read_release
    from pipeline.release.checks import run_checks, written

    del reporter
    contents = read_release(options.release, load_templates().relations)
    results = run_checks(contents)
    write_out(f"{written(results)}\nThe digest of the manifest is {digest_of(contents.manifest)}.\n")
    return 1 if any(result.required and not result.passed for result in results) else 0


def _explain(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.jobs.explain import explain_row

    del reporter
    work = options.work or options.release.parent / ".work"
    write_out(explain_row(options.release, options.subject, options.relation, work) + "\n")
    return 0


def _drift(options: argparse.Namespace, reporter: Reporter) -> int:
    require("hub", "drift")
    from pipeline import publish
    from pipeline.core.manifest import MANIFEST, read_numbers
    from pipeline.core.settings import load_operations
    from pipeline.jobs.publish import drift_of
    from pipeline.publish.drift import refuse_drift, written

    operations = load_operations(options.config)
    if options.against:
        past = [read_numbers(folder / MANIFEST) for folder in options.against]
    else:
        found = publish.published(options.repo_id, operations.drift.releases + 1, operations.hub, reporter)
        past = [one for tag, one in found.items() if tag != options.release.name]
    findings = drift_of(options.release, past, operations)
    write_out(written(findings) + "\n")
    refuse_drift(options.release.name, findings)
    return 0


def _publish(options: argparse.Namespace, reporter: Reporter) -> int:
    require("hub", "publish")
    from pipeline.core.settings import load_operations
    from pipeline.jobs.publish import Where, publish_release

    where = Where(options.repo_id, options.private)
    operations = load_operations(options.config)
    done = publish_release(
        options.release, where, operations, reporter, options.tag or "", accept_drift=options.accept_drift
    )
    write_out(f"{'Was there already' if done.was_there else 'Published'}: {done.tag} at {done.url}\n")
    return 0


RELEASES = (
    Command("check", "check a release again", add_release, _check),
    Command("explain", "report what became of a subject and relation", _explain_arguments, _explain),
    Command("drift", "compare a release with the last ones", _drift_arguments, _drift),
    Command("publish", "put a release on the Hugging Face Hub", _publish_arguments, _publish),
)
