"""The card of a release: a template with a slot for every number and table, and the front matter that the Hub reads."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import yaml
from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, meta, nodes

from pipeline.core.edit_record import GROUPS, Category
from pipeline.core.errors import UsageError
from pipeline.core.manifest import Manifest
from pipeline.core.resources import data_cards_folder
from pipeline.edits.splits import SPLITS
from pipeline.language.relations import Relation
from pipeline.language.templates import load_templates
from pipeline.lm import bundled
from pipeline.release import card_tables
from pipeline.release.audit.rates import CONFIDENCE, unread_relations
from pipeline.release.card_tables import SHORT, categories_of
from pipeline.release.charts import CHARTS, UNITS, main_reasons
from pipeline.release.summary import in_percent

_KNOWEDIT = {  # what EasyEdit's script calls the kinds of files
    "knowedit/wiki_recent/recent_test.json": "recent",
    "knowedit/wiki_counterfact/test_cf.json": "counterfact",
    "knowedit/ZsRE/ZsRE-test-all.json": "zsre",
}

_DAFNET = {  # what DAFNet's option --datasets calls its training files
    "dafset/zsre_train.json": "zsre",
    "dafset/cf_train.json": "cf",
    "dafset/long_tail.json": "long_tail",
    "dafset/popular.json": "popular",
    "dafset/recent.json": "recent",
    "dafset/robust.json": "robust",
}

_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")  # as the Hub writes them

Slots = Mapping[str, object]


def make_card(manifest: Manifest, figures: Sequence[str]) -> str:
    """The README.md of a release.

    Args:
        manifest: The manifest, with the outcome of the checks.
        figures: The names of the PNG files in the folder `figures`.

    Raises:
        UsageError: The template has a slot without a value, or no slot for a value.
    """
    folder = data_cards_folder()
    relations = load_templates().relations
    slots = {
        "front_matter": _front_matter(manifest, folder),
        **_flags(manifest, figures),
        **_numbers(manifest, relations),
        **_tables(manifest, relations),
    }
    return render((folder / "dataset.md").read_text(encoding="utf-8"), slots)


def render(template: str, slots: Slots) -> str:
    """Fill a Jinja2 template; blank lines that follow each other become one.

    Whole numbers are written with thousands separators. Every name in the template must have a value, also in a part
    that is left out of this card, and every value must have a place.

    Raises:
        UsageError: A name has no value, a value has no place, or the template is not valid Jinja2.
    """
    try:
        tree = _ENVIRONMENT.parse(template)
    except TemplateSyntaxError as error:
        raise _fault(f"Line {error.lineno} of the card is not valid Jinja2: {error.message}") from error
    names = meta.find_undeclared_variables(tree)
    if unfilled := sorted(names - slots.keys()):
        raise _fault(f"Nothing fills the slot {', '.join(unfilled)} of the card")
    if unused := sorted(slots.keys() - names):
        raise _fault(f"The card has no slot for {', '.join(unused)}")
    for node in tree.find_all(nodes.Getattr):
        _look_up(node, slots)
    return re.sub(r"\n{3,}", "\n\n", _ENVIRONMENT.from_string(template).render(slots))


def _look_up(node: nodes.Node, slots: Slots) -> None:
    """Require that every attribute of a dotted name such as `settings.popular.heads` has a value."""
    attributes: list[str] = []
    while isinstance(node, nodes.Getattr):
        attributes.insert(0, node.attr)
        node = node.node
    value = slots.get(node.name) if isinstance(node, nodes.Name) else None
    for attribute in attributes if value is not None else ():
        if not hasattr(value, attribute):
            raise _fault(f"Nothing fills the slot {attribute} in line {node.lineno} of the card")
        value = getattr(value, attribute)


def _fault(message: str) -> UsageError:
    return UsageError(message, "data_cards/dataset.md", "Correct the template, or give the value in release/card.py.")


def _written(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) else value


_ENVIRONMENT = Environment(
    undefined=StrictUndefined, finalize=_written, trim_blocks=True, keep_trailing_newline=True, autoescape=False
)


def _front_matter(manifest: Manifest, folder: Path) -> str:
    """What the Hub reads: the constant part, the size, and a configuration for each category."""
    metadata = _read_yaml(folder / "metadata.yaml")
    metadata["pretty_name"] = _pretty_name(manifest, folder)
    metadata["size_categories"] = [_size(_total(manifest))]
    # A split or a configuration without rows is left out: `datasets` fails to load all splits when one has none.
    metadata["configs"] = [
        {
            "config_name": category,
            **({"default": True} if category == _default_category(manifest) else {}),
            "data_files": [
                {"split": split, "path": f"data/{category}/{split}-*.parquet"}
                for split in SPLITS
                if manifest.rows[category].get(split)
            ],
        }
        for category in categories_of(manifest)
        if any(manifest.rows[category].values())
    ]
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True).rstrip()


def _size(rows: int) -> str:
    """The size category of the Hub.

    >>> _size(999), _size(12_345)
    ('n<1K', '10K<n<100K')
    """
    place = max(len(str(rows)) - 3, 0)
    return f"{_SIZES[place - 1]}<n<{_SIZES[place]}" if place else f"n<{_SIZES[0]}"


def _read_yaml(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _pretty_name(manifest: Manifest, folder: Path) -> str:
    return f"{_read_yaml(folder / 'metadata.yaml')['pretty_name']}, {manifest.release}"


def _default_category(manifest: Manifest) -> str:
    """The first category that has rows."""
    return next(
        (name for name in categories_of(manifest) if any(manifest.rows[name].values())), categories_of(manifest)[0]
    )


def _default_split(manifest: Manifest) -> str:
    """The first split of that category that has rows."""
    return next((split for split in SPLITS if manifest.rows[_default_category(manifest)].get(split)), SPLITS[0])


def _has_records(manifest: Manifest, path: str) -> bool:
    return path in manifest.exports and manifest.exports[path].records > 0


def _total(manifest: Manifest) -> int:
    return sum(sum(splits.values()) for splits in manifest.rows.values())


def _flags(manifest: Manifest, figures: Sequence[str]) -> Slots:
    """Which parts of the template apply to this release."""
    drawn = {Path(name).stem for name in figures}
    return {
        "is_sample": manifest.source == "sample",
        "has_old": manifest.window_start is not None,
        "has_model": manifest.model is not None,
        "is_tiny_model": manifest.model is not None and manifest.model.name == bundled.SHOWN_NAME,
        "has_thresholds": "long_tail" in manifest.rows,
        "has_empty": bool(manifest.empty),
        "has_knowedit": any(_has_records(manifest, path) for path in _KNOWEDIT),
        "has_exclusions": any(file.role == "exclude" for file in manifest.inputs),
        "has_audit": manifest.audit is not None,
        "has_faults": manifest.audit is not None and any(one.any.rows for one in manifest.audit.categories),
        "excludes_sensitive": not manifest.settings.screening.allow_sensitive_living,
        **{f"has_{category}": category in manifest.rows for category in get_args(Category)},
        **{f"figure_{name}": name in drawn for name in {*CHARTS, *drawn}},
    }


def _numbers(manifest: Manifest, relations: Mapping[str, Relation]) -> Slots:
    settings, views = manifest.settings, manifest.pageviews
    readers = manifest.audit.readers if manifest.audit else {}
    filled = [path for path in _KNOWEDIT if _has_records(manifest, path)]
    knowedit = (filled or list(_KNOWEDIT))[0]
    screening = next((count for count in manifest.counts if count.stage == "screening"), None)
    return {
        "release": manifest.release,
        "dump": manifest.dump,
        "settings": settings,
        "made_by": manifest.made_by,
        "pretty_name": _pretty_name(manifest, data_cards_folder()),
        "total": f"{_total(manifest):,}",
        "default_category": _default_category(manifest),
        "default_split": _default_split(manifest),
        "dafnet_datasets": "-".join(name for path, name in _DAFNET.items() if _has_records(manifest, path)),
        "digest": manifest.digest,
        "window_start": _day(manifest.window_start),
        "window_end": _day(manifest.window_end),
        "recent_classes": ", ".join(f"`{name}`" for name in settings.recent.classes),
        "relation_count": f"{len(relations)}",
        "retired_relations": _listed(r.name for r in relations.values() if r.status == "retired").capitalize(),
        "sensitive_relations": _listed(relation.name for relation in relations.values() if relation.sensitive),
        "screening_taken_in": f"{screening.taken_in if screening else 0:,}",
        "screening_kept": f"{screening.kept if screening else 0:,}",
        "relation_share": in_percent(settings.balance.relation_share, 1),
        "target_share": in_percent(settings.balance.target_share, 1),
        "two_hop_share": in_percent(settings.popular.two_hop_share, 1),
        "pages": f"{sum(views.values()):,}",
        "pages_kept": f"{views.get('kept', 0):,}",
        "pages_left_out": _left_out(views),
        "projects": _listed(settings.pageviews.projects),
        "knowedit_file": knowedit,
        "knowedit_type": _KNOWEDIT[knowedit],
        "max_views_percentile": f"{settings.long_tail.max_views_percentile:g}",
        "audit_read": sum(one.read for one in manifest.audit.categories) if manifest.audit else 0,
        "audit_confidence": in_percent(CONFIDENCE, 1),
        "audit_stale": manifest.audit.stale if manifest.audit else 0,
        "audit_unread": unread_relations(manifest.audit) if manifest.audit else "",
        "audit_readers": _listed(f"{name} ({rows:,})" for name, rows in readers.items()),
        "percentile": f"{settings.long_tail.percentile:g}",
        "seed": str(manifest.seed),
        **{f"{split}_share": in_percent(getattr(settings.splits, split), 1) for split in SPLITS},
        "model_revision": manifest.model.revision.removeprefix("sha256:")[:SHORT] if manifest.model else "",
        "model_name": manifest.model.name if manifest.model else "",
        "model_dtype": manifest.model.dtype if manifest.model else "",
        "likelihood_unit": UNITS[settings.likelihood.statistic],
        "code_hash": manifest.made_by.code[:SHORT],
        "templates_hash": manifest.made_by.templates[:SHORT],
    }


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "an unknown day"


def _left_out(views: Mapping[str, int]) -> str:
    left_out = sorted(views.keys() - {"kept"}, key=lambda name: (-views[name], name))
    return main_reasons({name: views[name] for name in left_out}) if left_out else "none"


def _listed(names: Iterable[str]) -> str:
    """Names as a sentence lists them.

    >>> _listed(["brother", "sister", "stepfather"])
    'brother, sister and stepfather'
    """
    *others, last = [*names] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _tables(manifest: Manifest, relations: Mapping[str, Relation]) -> Slots:
    return {
        "quotas_table": card_tables.quotas_table(manifest),
        "rows_table": card_tables.rows_table(manifest),
        "recent_table": card_tables.recent_table(manifest),
        "empty_list": card_tables.empty_list(manifest),
        "changes_table": card_tables.changes_table(manifest),
        "thresholds_table": card_tables.thresholds_table(manifest),
        "likelihood_auc_table": card_tables.likelihood_auc_table(manifest),
        "columns_table": card_tables.columns_table(GROUPS),
        "parts_table": card_tables.parts_table(GROUPS),
        "exports_table": card_tables.exports_table(manifest),
        "lacks_list": card_tables.lacks_list(manifest),
        "relations_table": card_tables.relations_table(manifest, relations),
        "checks_table": card_tables.checks_table(manifest),
        "audit_table": card_tables.audit_table(manifest),
        "faults_table": card_tables.faults_table(manifest),
        "screening_table": card_tables.screening_table(manifest),
        "aliases_table": card_tables.aliases_table(manifest),
        "drops_table": card_tables.drops_table(manifest),
        "listed_in_part": _listed(
            f"{manifest.listed_drops[stage]:,} of the {count:,} rows that {stage} rejected"
            for stage, count in manifest.listed_in_part.items()
        ),
        "inputs_table": card_tables.inputs_table(manifest),
    }
