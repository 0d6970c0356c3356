"""The card of a release: hand-written prose with slots for every number, and the front matter that the Hub reads."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import yaml

from pipeline.core.edit_record import GROUPS, Category
from pipeline.core.errors import UsageError
from pipeline.core.manifest import Manifest
from pipeline.core.resources import data_cards_folder
from pipeline.edits.splits import SPLITS
from pipeline.language.relations import Relation, load_templates
from pipeline.lm import bundled
from pipeline.release import card_tables
from pipeline.release.card_tables import SHORT, categories_of
from pipeline.release.charts import UNITS, main_reasons
from pipeline.release.summary import in_percent

FIGURES = ("changes", "degree", "domains", "frequency", "funnel", "likelihood", "relations")
"""The figures that the prose has a place for."""

_KNOWEDIT = {  # what EasyEdit's script calls the kinds of files
    "knowedit/wiki_recent/recent_test.json": "recent",
    "knowedit/wiki_counterfact/test_cf.json": "counterfact",
    "knowedit/ZsRE/ZsRE-test-all.json": "zsre",
}

_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")  # as the Hub writes them

_TAG = re.compile(r"\{\{([#^/]?)([\w.]+)\}\}")
_BLOCK = re.compile(r"^\{\{([#^])([\w.]+)\}\}\n(.*?)^\{\{/\2\}\}\n", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"\{\{([#^])([\w.]+)\}\}(.*?)\{\{/\2\}\}", re.DOTALL)

Slots = Mapping[str, str | bool]


def make_card(manifest: Manifest, figures: Sequence[str]) -> str:
    """The README.md of a release.

    Args:
        manifest: The manifest, with the outcome of the checks.
        figures: The names of the PNG files in the folder `figures`.

    Raises:
        UsageError: The prose has a slot that nothing fills, or none for something that it should tell.
    """
    folder = data_cards_folder()
    relations = load_templates().relations
    slots = {
        "front_matter": _front_matter(manifest, folder),
        **_flags(manifest, figures),
        **_numbers(manifest, relations),
        **_tables(manifest, relations),
    }
    return render((folder / "dataset.md").read_text(encoding="utf-8"), slots, manifest)


def render(template: str, slots: Slots, manifest: Manifest) -> str:
    """Fill a template.

    `{{name}}` is a slot. A name with a dot, or of a field of the manifest, is read there. What stands between
    `{{#name}}` and `{{/name}}` is kept if the slot is filled, what stands between `{{^name}}` and `{{/name}}` if it is
    not.

    Raises:
        UsageError: The template names a slot that nobody fills, leaves one out, or does not end what it begins.
    """
    used = {name for _, name in _TAG.findall(template)}
    if left_out := sorted(slots.keys() - used):
        raise UsageError(f"The card has no slot for {', '.join(left_out)}", "data_cards", "Add it to the prose.")
    values = {name: slots[name] if name in slots else _looked_up(manifest, name) for name in used}
    prose = _chosen(template, values)
    if open_tag := re.search(r"\{\{[#^/][^}]*\}\}", prose):
        raise UsageError(f"{open_tag.group()} of the card has no other end", "data_cards", "Mend the prose.")
    filled = _TAG.sub(lambda tag: _written(values[tag.group(2)]), prose)
    return re.sub(r"\n{3,}", "\n\n", filled)


def _chosen(template: str, values: Mapping[str, object]) -> str:
    """A template without what does not hold of this release."""

    def keep(section: re.Match[str]) -> str:
        mark, name, body = section.groups()
        return _chosen(body, values) if bool(values[name]) == (mark == "#") else ""

    return _INLINE.sub(keep, _BLOCK.sub(keep, template))


def _looked_up(manifest: Manifest, name: str) -> object:
    value: object = manifest
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError as error:
            raise UsageError(f"Nothing fills the slot {name} of the card", "data_cards", "Mend the prose.") from error
    return value


def _written(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


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


def _total(manifest: Manifest) -> int:
    return sum(sum(splits.values()) for splits in manifest.rows.values())


def _flags(manifest: Manifest, figures: Sequence[str]) -> Slots:
    """What holds of this release, and so which parts of the prose."""
    drawn = {Path(name).stem for name in figures}
    return {
        "is_sample": manifest.source == "sample",
        "has_old": manifest.window_start is not None,
        "has_model": manifest.model is not None,
        "is_tiny_model": manifest.model is not None and manifest.model.name == bundled.SHOWN_NAME,
        "has_thresholds": "long_tail" in manifest.rows,
        "has_exclusions": any(file.role == "exclude" for file in manifest.inputs),
        "excludes_sensitive": not manifest.settings.screening.allow_sensitive_living,
        **{f"has_{category}": category in manifest.rows for category in get_args(Category)},
        **{f"figure_{name}": name in drawn for name in {*FIGURES, *drawn}},
    }


def _numbers(manifest: Manifest, relations: Mapping[str, Relation]) -> Slots:
    settings, views = manifest.settings, manifest.pageviews
    filled = [path for path in _KNOWEDIT if path in manifest.exports and manifest.exports[path].records]
    knowedit = (filled or list(_KNOWEDIT))[0]
    screening = next((count for count in manifest.counts if count.stage == "screening"), None)
    return {
        "pretty_name": _pretty_name(manifest, data_cards_folder()),
        "total": f"{_total(manifest):,}",
        "default_category": _default_category(manifest),
        "window_start": _day(manifest.window_start),
        "window_end": _day(manifest.window_end),
        "recent_classes": ", ".join(f"`{name}`" for name in settings.recent.classes),
        "relation_count": f"{len(relations)}",
        "retired_relations": _listed(r.name for r in relations.values() if r.status == "retired").capitalize(),
        "sensitive_relations": _listed(relation.name for relation in relations.values() if relation.sensitive),
        "screening_taken_in": f"{screening.taken_in if screening else 0:,}",
        "screening_kept": f"{screening.kept if screening else 0:,}",
        "two_hop_share": in_percent(settings.popular.two_hop_share, 1),
        "pages": f"{sum(views.values()):,}",
        "pages_kept": f"{views.get('kept', 0):,}",
        "pages_left_out": _left_out(views),
        "projects": _listed(settings.pageviews.projects),
        "knowedit_file": knowedit,
        "knowedit_type": _KNOWEDIT[knowedit],
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
        "rows_table": card_tables.rows_table(manifest),
        "changes_table": card_tables.changes_table(manifest),
        "thresholds_table": card_tables.thresholds_table(manifest),
        "likelihood_auc_table": card_tables.likelihood_auc_table(manifest),
        "columns_table": card_tables.columns_table(GROUPS),
        "parts_table": card_tables.parts_table(GROUPS),
        "exports_table": card_tables.exports_table(manifest),
        "lacks_list": card_tables.lacks_list(manifest),
        "relations_table": card_tables.relations_table(manifest, relations),
        "checks_table": card_tables.checks_table(manifest),
        "screening_table": card_tables.screening_table(manifest),
        "drops_table": card_tables.drops_table(manifest),
        "inputs_table": card_tables.inputs_table(manifest),
    }
