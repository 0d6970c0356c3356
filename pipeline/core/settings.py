"""Settings: what to build. Defaults, then the user's file, then the command line; unknown keys are refused."""

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.core.edit_record import Category
from pipeline.core.errors import UsageError
from pipeline.core.resources import defaults_file

PropertyName = Annotated[str, Field(pattern=r"^P[1-9]\d*$")]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Sharing = Literal["dedup", "trie", "none"]
Dtype = Literal["float32", "bfloat16", "float16"]

Tree = dict[str, object]
Valid = TypeVar("Valid", bound=BaseModel)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DumpSettings(_Section):
    """How dumps are read."""

    shard_bytes: Annotated[int, Field(ge=1024)]
    max_line_bytes: Annotated[int, Field(ge=1024)]
    max_bad_lines: Count
    wikis: tuple[str, ...]


class PlanSettings(_Section):
    """What a projection assumes; it changes nothing that is built."""

    sample_shards: Annotated[int, Field(ge=1)]
    memory_per_shard_byte: Annotated[float, Field(gt=0)]
    merge_seconds_per_million: Annotated[float, Field(gt=0)]
    changed_share: Share
    compare_to_parse: Annotated[float, Field(gt=0)]


class ChangesSettings(_Section):
    """How differences between two states are classed."""

    replaced_gap_days: tuple[int, int]


class WindowSettings(_Section):
    """How the dates of dumps are estimated."""

    odd_days: Annotated[int, Field(ge=1)]
    odd_density: Annotated[float, Field(gt=1)]
    odd_share: Share
    min_changed: Annotated[int, Field(ge=1)]


class ScreeningSettings(_Section):
    """Which triples are fit for any category."""

    ending: tuple[PropertyName, ...]
    restricting: tuple[PropertyName, ...]
    doubting: tuple[PropertyName, ...]
    current_years: dict[PropertyName, Count]
    current_if_preferred: tuple[PropertyName, ...]
    confirmed: tuple[PropertyName, ...]
    allow_sensitive_living: bool
    assume_dead_after_years: Count
    years_between_kin: Count
    most_children: Count
    years_of_a_life: Count
    assume_alive_within_years: Count
    max_class_depth: Count
    max_label_characters: Count
    min_label_characters: Count


RecentClass = Literal[
    "world_change", "replaced", "new_item", "newly_described", "late_entry", "added_undated", "correction"
]
"""Classes of statements that came, as `schema.NEWS_CLASSES` and `OTHER_RECENT_CLASSES` describe them."""


class RecentSettings(_Section):
    """The recent category."""

    size: Count
    per_subject: Annotated[int, Field(ge=1)]
    classes: tuple[RecentClass, ...]


class PopularSettings(_Section):
    """The popular category."""

    size: Count
    per_subject: Annotated[int, Field(ge=1)]
    heads: Count
    two_hop_share: Share
    target_pool: Count
    target_tries: Count
    harmful_counterfactuals: bool


class LongTailSettings(_Section):
    """The long-tail category."""

    size: Count
    per_subject: Annotated[int, Field(ge=1)]
    percentile: Annotated[float, Field(gt=0, le=100)]
    max_views_percentile: Annotated[float, Field(ge=0, le=100)]


class BalanceSettings(_Section):
    """How evenly a category spreads over relations and targets, and how many candidates there are for a place."""

    reserve: Annotated[float, Field(ge=1)]
    spare: Annotated[float, Field(ge=1)]
    relation_share: Annotated[float, Field(gt=0, le=1)]
    min_relation_rows: Annotated[int, Field(ge=1)]
    target_share: Annotated[float, Field(gt=0, le=1)]
    min_target_rows: Annotated[int, Field(ge=1)]

    def with_reserve(self, places: int) -> int:
        """How many candidates are taken for so many places."""
        return math.ceil(places * self.reserve)


class LikelihoodSettings(_Section):
    """How a language model scores names."""

    carriers: Annotated[int, Field(ge=3)]
    facts: Count
    max_heads: Count
    statistic: Literal["log_likelihood_mean", "log_likelihood_per_byte"]
    stratum_bytes: Annotated[int, Field(ge=1)]
    stratum_heads: Annotated[int, Field(ge=1)]


class ModelSettings(_Section):
    """Which version of the language model scores names, and how it runs."""

    revision: str
    dtype: Dtype
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
    trust_remote_code: bool
    workers: Count  # 0: one a device
    threads: Count  # 0: PyTorch decides
    max_tokens_per_batch: Annotated[int, Field(ge=64)]
    sharing: Sharing
    max_logits_per_batch: Annotated[int, Field(ge=1)]
    trie_nodes: Annotated[int, Field(ge=16)]
    shard_rows: Annotated[int, Field(ge=1)]
    audit_share: Share
    min_audit_pairs: Count


class PageviewsSettings(_Section):
    """Which page views count."""

    projects: tuple[str, ...]
    max_access_share: Share
    min_hours: Count
    spike_views: Count
    max_odd_share: Share
    junk_titles: tuple[str, ...]
    junk_prefixes: tuple[str, ...]


class RobustSettings(_Section):
    """The robust category."""

    size: Count
    max_prefix_words: Count
    short_words: Count
    long_words: Count
    longest_words: Count


class ProbesSettings(_Section):
    """How many probes of each kind an edit may have."""

    relation_specificity: Count
    forgetfulness: Count
    neighborhood: Count
    subject_aliasing: Count
    reasoning: Count
    logical_generalization: Count
    neighbour_pool: Count
    neighbour_uses: Count


class SplitsSettings(_Section):
    """The shares of the splits."""

    train: Share
    validation: Share
    test: Share

    @model_validator(mode="after")
    def _whole(self) -> "SplitsSettings":
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError("train, validation and test must add up to 1")
        return self


class PoliteSettings(_Section):
    """How servers are asked."""

    requests_per_minute: Annotated[float, Field(gt=0)]
    burst: Annotated[int, Field(ge=1)]
    budget: Count
    connect_seconds: Annotated[float, Field(gt=0)]
    timeout_seconds: Annotated[float, Field(gt=0)]
    backoff_seconds: Annotated[float, Field(ge=0)]
    max_backoff_seconds: Annotated[float, Field(ge=0)]
    break_after: Annotated[int, Field(ge=1)]
    break_seconds: Annotated[float, Field(ge=0)]
    max_breaks: Count


class HubSettings(_Section):
    """How releases are published."""

    files_per_commit: Annotated[int, Field(ge=1)]
    attempts: Annotated[int, Field(ge=1)]
    backoff_seconds: Annotated[float, Field(ge=0)]
    max_backoff_seconds: Annotated[float, Field(ge=0)]


class DriftSettings(_Section):
    """How far a release may be from the last ones."""

    releases: Annotated[int, Field(ge=1)]
    min_rows: Count
    rows_ratio: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=1)]]
    relation_distance: Share
    class_distance: Share
    drop_rate_points: Share
    failure_rate_points: Share


class LiveSettings(_Section):
    """What the live source asks for."""

    settle_hours: Count
    late_rows: Annotated[int, Field(ge=1)]
    retention_days: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    missing_tries: Annotated[int, Field(ge=1)]
    drop_anonymous: bool
    max_subjects: Count
    hops: Count
    max_items: Count
    view_months: Annotated[int, Field(ge=1)]
    view_pages: Count
    complete_views: bool
    complete_attempts: Annotated[int, Field(ge=1)]
    complete_strange: Share
    complete_gigabytes: Annotated[float, Field(ge=0)]
    sparql_batch: Annotated[int, Field(ge=1)]
    sparql_rows: Annotated[int, Field(ge=1)]
    max_neighbours: Count
    neighbour_heads: Count
    edits_a_day: Count
    items_a_day: Count


class LimitsSettings(_Section):
    """Lengths that loaders can take, and how many rejected rows a release lists."""

    prompt_and_target_bytes: Count
    dropped_rows_per_edit: Count


class Settings(_Section):
    """Everything that decides what a release holds; it goes into the manifest as it is."""

    seed: int
    categories: tuple[Category, ...]
    memory: str
    dump: DumpSettings
    window: WindowSettings
    changes: ChangesSettings
    screening: ScreeningSettings
    recent: RecentSettings
    popular: PopularSettings
    long_tail: LongTailSettings
    balance: BalanceSettings
    likelihood: LikelihoodSettings
    model: ModelSettings
    pageviews: PageviewsSettings
    robust: RobustSettings
    probes: ProbesSettings
    splits: SplitsSettings
    limits: LimitsSettings
    live: LiveSettings


class Operations(_Section):
    """How a running pipeline asks servers, and what it does with finished releases; no release depends on it."""

    polite: PoliteSettings
    hub: HubSettings
    drift: DriftSettings
    plan: PlanSettings


def load_settings(config: Path | None = None, overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings of a run.

    Args:
        config: A TOML file with what differs from the defaults.
        overrides: Settings from the command line, in sections as in the file; None values are ignored.

    Raises:
        UsageError: The file is missing or not TOML, or a key or value is wrong.
    """
    tree = _merged(_tree(config), overrides or {})
    return _valid(Settings, {key: value for key, value in tree.items() if key not in Operations.model_fields}, config)


def load_operations(config: Path | None = None) -> Operations:
    """The settings of operations; the errors are those of `load_settings`."""
    tree = _tree(config)
    return _valid(Operations, {key: tree[key] for key in Operations.model_fields}, config)


def _tree(config: Path | None) -> Tree:
    tree = _read_toml(defaults_file())
    return tree if config is None else _merged(tree, _read_toml(config))


def _valid(model: type[Valid], tree: Tree, config: Path | None) -> Valid:
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"The setting {key} is wrong: {first['msg'].lower()}",
            str(config or "command line"),
            "pipeline/defaults.toml lists every setting with its meaning.",
        ) from error


def _read_toml(path: Path) -> Tree:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The configuration cannot be read: {error.strerror}", str(path), "Check --config.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration is not TOML: {error}", str(path), "Mend the file.") from error


def _merged(base: Mapping[str, object], changes: Mapping[str, object]) -> Tree:
    """Two trees of settings as one, the second one winning where it holds a value."""
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            continue
        below = base.get(key)
        both_sections = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(cast(Tree, below), cast(Tree, value)) if both_sections else value
    return merged
