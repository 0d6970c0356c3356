"""What a run leaves for the eyes of an operator: tables, figures and links in the UI."""

import base64
from collections.abc import Sequence
from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from pipeline.core.manifest import Manifest, read_manifest
from pipeline.publish import Published
from pipeline.publish.compare import Difference, by_category
from pipeline.publish.drift import Finding, in_figures
from pipeline.release.summary import funnel, summary

Row = dict[str, str | int | float]


def show_release(folder: Path) -> None:
    """What a release holds: a summary, the funnel, the checks, the figures."""
    manifest = read_manifest(folder)
    _table(
        "funnel",
        [_cells(row) for row in funnel(manifest).to_dict("records")],
        f"{manifest.release}: what was dropped, and why",
    )
    _table("checks", _checks(manifest), f"{manifest.release}: what was checked")
    text = f"# {manifest.release}\n\n```text\n{summary(manifest, folder)}\n```\n\n{_pictures(folder / 'figures')}"
    create_markdown_artifact(text, key="release", description=f"{manifest.release}: rows, checks, figures")


def show_drift(release: str, findings: Sequence[Finding]) -> None:
    """Each number beside its band; those outside come first."""
    rows: list[Row] = [
        {
            "outside": "yes" if one.is_outside else "",
            "measure": one.measure,
            "of": one.of,
            "value": in_figures(one.value),
            "usual": in_figures(one.usual),
            "allowed": f"{in_figures(one.low)} to {in_figures(one.high)}",
        }
        for one in findings
    ]
    outside = sum(one.is_outside for one in findings)
    about = f"{outside} of {len(rows)} numbers are outside their bands" if rows else "there is no earlier release"
    _table("drift", rows, f"{release}: {about}")


def show_difference(release: str, before: str, differences: Sequence[Difference]) -> None:
    """What is new since the release before: sums of categories first, then each relation."""
    rows: list[Row] = [
        {
            "category": one.category,
            "relation": one.relation_id or "all",
            "added": one.added,
            "removed": one.removed,
            "changed": one.changed,
            "unchanged": one.unchanged,
        }
        for one in (*by_category(differences), *differences)
    ]
    _table("difference", rows, f"{release} against {before}: cases by category and relation")


def show_link(published: Published) -> None:
    """Where the release can be loaded from."""
    state = "was published before" if published.was_there else "is published"
    create_link_artifact(
        published.url, link_text=published.tag, key="published", description=f"{published.tag} {state}"
    )


def _table(key: str, rows: list[Row], description: str) -> None:
    create_table_artifact(rows or [{"": "nothing"}], key=key, description=description)


def _cells(row: dict[str, object]) -> Row:
    """A row for people: figures in groups, columns in words."""
    return {
        name.replace("_", " "): in_figures(value) if isinstance(value, int) else str(value)
        for name, value in row.items()
    }


def _checks(manifest: Manifest) -> list[Row]:
    return [
        {
            "check": check.name,
            "required": "yes" if check.required else "no",
            "rows": check.looked_at,
            "failures": check.failures,
        }
        for check in sorted(manifest.checks, key=lambda check: -check.failures)
    ]


def _pictures(folder: Path) -> str:
    """The figures inside the text itself, so that they show before anything is published and without a file server."""
    found = sorted(folder.glob("*.png"))
    return "\n\n".join(
        f"![{path.stem}](data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()})" for path in found
    )
