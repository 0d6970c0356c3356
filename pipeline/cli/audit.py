"""`editmill audit`: rows for a reader, and what readers found."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.arguments import Command, add_release, positive
from pipeline.cli.output import write_out
from pipeline.core.errors import UsageError
from pipeline.core.progress import Reporter

if TYPE_CHECKING:
    from pipeline.release.audit.cards import Card
    from pipeline.release.checks import Contents


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_release(parser)
    parser.add_argument("--rows", type=positive, default=50, metavar="N", help="rows of each category (default: 50)")
    parser.add_argument("--seed", type=int, metavar="N", help="the seed of the draw (default: that of the release)")
    parser.add_argument("--skip", type=Path, nargs="+", default=[], metavar="FILE", help="leave out rows judged there")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page (default: audit-RELEASE.html)")
    parser.add_argument("--text", action="store_true", help="print the rows as text instead of making a page")
    parser.add_argument("--blank", type=Path, metavar="FILE", help="also write a file of verdicts to fill in by hand")
    found = parser.add_argument_group("what readers found")
    found.add_argument("--verdicts", type=Path, nargs="+", metavar="FILE", help="files of verdicts: print the rates")
    found.add_argument("--json", action="store_true", help="print them as JSON")


def _audit(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.language.templates import load_templates
    from pipeline.release.assemble import read_release

    if options.json and not options.verdicts:
        raise UsageError("There are no rates to print", "--json", "Give --verdicts FILE.")
    contents = read_release(options.release, load_templates().relations)
    return _rates(contents, options, reporter) if options.verdicts else _sample(contents, options)


def _sample(contents: "Contents", options: argparse.Namespace) -> int:
    """Write or print the rows to read."""
    from pipeline.core.manifest import MANIFEST
    from pipeline.core.tables import file_hash, write_text
    from pipeline.release.audit import page
    from pipeline.release.audit.faults import load_faults
    from pipeline.release.audit.verdicts import to_json

    faults, release = load_faults(), contents.manifest.release
    cards = _cards(contents, options)
    if options.blank:
        write_text(to_json(page.blank(cards, release)), options.blank)
    if options.text:
        text = page.to_text(cards, faults)
        write_text(text, options.out) if options.out else write_out(text)
        return 0
    out = options.out or Path(f"audit-{release}.html")
    write_text(page.to_html(cards, faults, release, file_hash(options.release / MANIFEST)), out)
    write_out(f"{page.in_numbers(cards)} are in {out}. Open it in a browser; it works without a network.\n")
    return 0


def _cards(contents: "Contents", options: argparse.Namespace) -> list["Card"]:
    from pipeline.release.audit.cards import make_card, read_background
    from pipeline.release.audit.faults import load_faults
    from pipeline.release.audit.sample import draw
    from pipeline.release.audit.verdicts import held_by, read_verdicts

    manifest = contents.manifest
    seed = manifest.seed if options.seed is None else options.seed
    judged = held_by(contents.edits, [read_verdicts(path, load_faults()) for path in options.skip]).verdicts
    rows = draw(contents.edits, manifest.settings.categories, options.rows, seed)
    background = read_background(options.release, manifest, contents.relations)
    return [make_card(edit, background) for edit in rows if edit["case_id"] not in judged]


def _rates(contents: "Contents", options: argparse.Namespace, reporter: Reporter) -> int:
    """Print what readers found."""
    from pipeline.release.audit import rates
    from pipeline.release.audit.faults import load_faults
    from pipeline.release.audit.verdicts import held_by, read_verdicts, require_any, what_became

    faults = load_faults()
    held = held_by(contents.edits, [read_verdicts(path, faults) for path in options.verdicts])
    require_any(held, contents.manifest.release)
    reporter.warn("verdicts", what_became(held, contents.manifest.release))
    summary = rates.summarize(contents.edits, held.verdicts, faults, held.stale)
    faulty = [
        {"case_id": case_id, "faults": sorted(verdict.faults), "notes": list(verdict.notes)}
        for case_id, verdict in held.verdicts.items()
        if verdict.faults
    ]
    if options.json:
        found = {"release": contents.manifest.release, **summary.model_dump(), "faulty": faulty}
        write_out(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    else:
        write_out(rates.written(summary, faults) + "\n")
    return 0


AUDIT = Command("audit", "give rows to a reader, and print what readers found", _arguments, _audit)
