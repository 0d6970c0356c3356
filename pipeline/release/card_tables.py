"""The tables of a card, in Markdown, each made from the manifest, the schema or a list of codes with their meaning."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.columns import Field, fields_in, fields_of
from pipeline.core.edit_record import Category, EditKind
from pipeline.core.manifest import Manifest
from pipeline.core.reasons import ALIASES, BY_STAGE
from pipeline.edits.splits import SPLITS
from pipeline.language.relations import Relation
from pipeline.release.audit.faults import load_faults
from pipeline.release.audit.rates import cell, interval
from pipeline.release.charts import length_of_names, main_reasons
from pipeline.release.checks import CHECKS
from pipeline.release.exports import LACKS
from pipeline.release.summary import EVERY_CATEGORY, failures, funnel, in_bytes, in_percent, left_out_of
from pipeline.select.categories import CATEGORIES

SHORT = 12  # characters of a hash that the card shows

_NUMBER = re.compile(r"[\d,.%]+|")
_TYPE_NAMES = {"double": "float64", "timestamp[ms, tz=UTC]": "time, UTC"}


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""A Markdown table; columns of numbers are flush right.

    >>> print(markdown(["category", "rows"], [["a|b", "1,200"]]))
    | category | rows |
    |---|---:|
    | a\|b | 1,200 |
    """
    body = [[cell.replace("|", r"\|").replace("\n", " ") for cell in row] for row in rows]
    columns = list(zip(*body, strict=True)) or [()] * len(head)
    rules = ["---:" if any(cells) and all(map(_NUMBER.fullmatch, cells)) else "---" for cells in columns]
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(rules)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in body)])


def categories_of(manifest: Manifest) -> list[str]:
    """The categories of a release, in their own order."""
    return [category for category in get_args(Category) if category in manifest.rows]


def rows_table(manifest: Manifest) -> str:
    """Rows by category and split."""
    counts = {name: [manifest.rows[name].get(split, 0) for split in SPLITS] for name in categories_of(manifest)}
    counts["**all**"] = [sum(column) for column in zip(*counts.values(), strict=True)]
    rows = ([name, *(f"{count:,}" for count in (*row, sum(row)))] for name, row in counts.items())
    return markdown(["category", *SPLITS, "all"], rows)


def quotas_table(manifest: Manifest) -> str:
    """What each category may hold and what it holds, with its most frequent relation and target."""
    rows: list[list[str]] = []
    for name in categories_of(manifest):
        if name not in CATEGORIES or not (total := sum(manifest.rows[name].values())):
            continue
        quota = CATEGORIES[name].size(manifest.settings)
        considered = sum(
            count.taken_in for count in manifest.counts if (count.stage, count.category) == ("selection", name)
        )
        rows.append(
            [
                name,
                f"{quota:,}",
                f"{considered:,}",
                f"{total:,}",
                in_percent(total, quota),
                *(
                    in_percent(max(counts.get(name, {}).values(), default=0), total)
                    for counts in (manifest.relations, manifest.targets)
                ),
                in_percent(manifest.hops.get(name, {}).get("2", 0), total),
            ]
        )
    head = ["category", "quota", "considered", "rows", "of the quota", "largest relation", "largest target", "two hops"]
    return markdown(head, rows)


def empty_list(manifest: Manifest) -> str:
    """The parts without rows."""
    records = {part: manifest.exports.get(part.removeprefix("exports/")) for part in manifest.empty}
    return "\n".join(f"- `{part}`{left_out_of(record)}" for part, record in records.items())


def changes_table(manifest: Manifest) -> str:
    """Differences by class."""
    rows = [
        [f"`{name}`", about, f"{manifest.changes[name]:,}"]
        for name, about in schema.CHANGE_CLASSES.items()
        if name in manifest.changes
    ]
    return markdown(["class", "meaning", "differences"], rows)


def recent_table(manifest: Manifest) -> str:
    """Recent edits by class, and how many of them have an old answer."""
    classes = {**schema.NEWS_CLASSES, **schema.OTHER_RECENT_CLASSES}
    rows = [
        [f"`{name}`", about, *(f"{manifest.recent.get(name, {}).get(kind, 0):,}" for kind in get_args(EditKind))]
        for name, about in classes.items()
        if name in manifest.settings.recent.classes
    ]
    return markdown(["class", "meaning", "insertions", "modifications"], rows)


def thresholds_table(manifest: Manifest) -> str:
    """What counts as long tail by each measure."""
    rows = [
        [
            f"`{row.measure}`",
            _SENTENCES[row.carrier_class],
            length_of_names(row),
            f"{row.heads:,}",
            f"{row.threshold:,.4g}",
            f"{row.share:.1%}",
        ]
        for row in manifest.thresholds
        if row.threshold is not None and row.share is not None
    ]
    head = ["measure", "sentences", "bytes of the name", "subjects measured", "threshold", "at or below it"]
    return markdown(head, rows)


_SENTENCES = {None: "", "neutral": "neutral", "fact": "openings of facts"}


def likelihood_auc_table(manifest: Manifest) -> str:
    """How well likelihood separates popular from long-tail subjects."""
    rows = [
        [
            _WHOSE[row.heads],
            _SENTENCES[row.carrier_class],
            *(f"{count:,}" for count in (row.measured, row.popular, row.long_tail)),
            *(f"{value:.2f}" if value is not None else "" for value in (row.auc, row.auc_in_strata)),
            *(f"{value:.2f}" if value is not None else "" for value in (row.rho_degree, row.rho_degree_in_strata)),
        ]
        for row in manifest.likelihood_auc
    ]
    measures = ["AUC", "AUC within lengths", "rho with degree", "rho within lengths"]
    return markdown(["subjects", "sentences", "scored", "popular", "long tail", *measures], rows)


_WHOSE = {"all": "all", "held_out": "held out of training"}


def columns_table(groups: Mapping[str, type]) -> str:
    """Every column of a row, by group."""
    rows: list[list[str]] = []
    for heading, record in groups.items():
        rows += [[f"**{heading}**", "", ""], *_field_rows(fields_of(record))]
    return markdown(["column", "type", "meaning"], rows)


def parts_table(groups: Mapping[str, type]) -> str:
    """The parts of columns that hold structures; columns of the same structure stand together."""
    columns_of: dict[tuple[Field, ...], list[str]] = {}
    for field in fields_in(groups):
        if field.parts:
            columns_of.setdefault(field.parts, []).append(f"**`{field.name}`**")
    rows: list[list[str]] = []
    for parts, columns in columns_of.items():
        rows += [[", ".join(columns), "", ""], *_field_rows(parts)]
    return markdown(["part", "type", "meaning"], rows)


def _field_rows(fields: Sequence[Field]) -> list[list[str]]:
    types = schema.record_schema(fields)
    return [[f"`{field.name}`", _type_name(types.field(field.name).type), field.column.about] for field in fields]


def _type_name(kind: Any) -> str:
    if pa.types.is_list(kind):
        return f"list of {_type_name(kind.value_type)}"
    return "structure" if pa.types.is_struct(kind) else _TYPE_NAMES.get(str(kind), str(kind))


def exports_table(manifest: Manifest) -> str:
    """The files in other shapes, with what was left out of them."""
    rows = [
        [f"`{path}`", f"{record.records:,}", main_reasons(record.left_out) if record.left_out else ""]
        for path, record in sorted(manifest.exports.items())
    ]
    return markdown(["file in `exports/`", "records", "edits left out"], rows)


def lacks_list(manifest: Manifest) -> str:
    """Why edits were left out of exported files, as far as it happened."""
    found = {name for record in manifest.exports.values() for name in record.left_out}
    return "\n".join(f"- *{name.replace('_', ' ')}*: {about}." for name, about in LACKS.items() if name in found)


def relations_table(manifest: Manifest, relations: Mapping[str, Relation]) -> str:
    """Edits by relation and category, the most frequent relation first."""
    categories = categories_of(manifest)
    total = sum((Counter(manifest.relations.get(name, {})) for name in categories), Counter[str]())
    rows = [
        [
            f"[{relation.name}](https://www.wikidata.org/wiki/Property:{key})",
            *(f"{manifest.relations.get(name, {}).get(key, 0):,}" for name in categories),
        ]
        for key, relation in sorted(relations.items(), key=lambda item: (-total[item[0]], item[1].name))
    ]
    return markdown(["relation", *categories], rows)


def checks_table(manifest: Manifest) -> str:
    """What was checked, and with what outcome."""
    rows: list[list[str]] = []
    for check in manifest.checks:
        about = CHECKS[check.name].about if check.name in CHECKS else ""
        outcome = failures(check.failures) if check.failures else "passed"
        rows.append([f"`{check.name}`", about, outcome if check.required else f"{outcome} (not required)"])
    return markdown(["check", "what must hold", "outcome"], rows)


def audit_table(manifest: Manifest) -> str:
    """What readers found, by category."""
    rows = [
        [
            one.category,
            *(f"{count:,}" for count in (one.rows, one.read, one.any.rows)),
            interval(one.any) if one.read else "",
            f"{one.hard.rows:,}",
            interval(one.hard) if one.read else "",
        ]
        for one in (manifest.audit.categories if manifest.audit else ())
    ]
    return markdown(["category", "rows", "read", "faulty", "in percent", "hard", "in percent"], rows)


def faults_table(manifest: Manifest) -> str:
    """The kinds of fault that readers found: rows, and the share that they stand for."""
    categories = [one for one in (manifest.audit.categories if manifest.audit else ()) if one.read]
    rows = [
        [
            f"{fault.name}: {fault.about}",
            "yes" if fault.hard else "no",
            *(cell(one, fault.kind) for one in categories),
        ]
        for fault in load_faults()
        if any(fault.kind in one.kinds for one in categories)
    ]
    return markdown(["fault", "hard", *(one.category for one in categories)], rows)


def screening_table(manifest: Manifest) -> str:
    """Why statements are fit for no category."""
    frame = funnel(manifest)
    reasons = frame[(frame["category"] == EVERY_CATEGORY) & (frame["dropped"] > 0)]
    rows = [
        [f"`{reason}`", BY_STAGE[stage].get(reason, ""), f"{count:,}"]
        for stage, reason, count in zip(reasons["stage"], reasons["reason"], reasons["dropped"], strict=True)
    ]
    return markdown(["reason", "meaning", "statements"], rows)


def aliases_table(manifest: Manifest) -> str:
    """What became of the aliases of the items that a release names."""
    rows = [
        [f"`{verdict}`", about, f"{manifest.aliases[verdict]:,}"]
        for verdict, about in ALIASES.items()
        if verdict in manifest.aliases
    ]
    return markdown(["verdict", "meaning", "aliases"], rows)


def drops_table(manifest: Manifest) -> str:
    """What the stages of each category dropped."""
    frame = funnel(manifest)
    frame = frame[(frame["category"] != EVERY_CATEGORY) & (frame["dropped"] > 0)]
    counts = frame.pivot_table(index=["stage", "reason"], columns="category", values="dropped", fill_value=0)
    categories = [name for name in get_args(Category) if name in counts.columns]
    rows = [
        [stage, f"`{reason}`", about, *(f"{int(counts.loc[(stage, reason), name]):,}" for name in categories)]
        for stage, reasons in BY_STAGE.items()
        for reason, about in reasons.items()
        if (stage, reason) in counts.index
    ]
    return markdown(["stage", "reason", "meaning", *categories], rows)


def inputs_table(manifest: Manifest) -> str:
    """The files that the release was built from."""
    rows = [[file.role, f"`{file.file}`", in_bytes(file.bytes), f"`{file.sha256[:SHORT]}`"] for file in manifest.inputs]
    return markdown(["input", "file", "size", "SHA-256 starts with"], rows)
