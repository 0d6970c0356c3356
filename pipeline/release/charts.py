"""The charts of a release as data: titles that state a message, notes on how to read them, and the numbers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast, get_args

from pipeline.core.edit_record import Category, Edit
from pipeline.core.manifest import Manifest, ThresholdRecord
from pipeline.core.schema import CHANGE_CLASSES
from pipeline.language.relations import RELATION_COUNT
from pipeline.release.histograms import Signal
from pipeline.release.summary import funnel, in_percent, in_words


@dataclass(frozen=True)
class Histograms:
    """A histogram of each signal for each category."""

    title: str
    note: str
    signals: Sequence[Signal]


@dataclass(frozen=True)
class Table:
    """Counts by name and category; `names` has the name of each key, the most frequent first."""

    title: str
    note: str
    names: Mapping[str, str]
    counts: Mapping[str, Counter[str]]


class Row(NamedTuple):
    """A bar with its name and meaning."""

    name: str
    number: int
    about: str
    is_marked: bool


@dataclass(frozen=True)
class Rows:
    """One bar under the other."""

    title: str
    note: str
    rows: Sequence[Row]


class Stage(NamedTuple):
    """A stage of the funnel."""

    name: str
    taken_in: int
    kept: int
    dropped: Mapping[str, int]  # by reason, the most frequent first


@dataclass(frozen=True)
class Funnel:
    """The stages of each category."""

    title: str
    note: str
    stages: Mapping[str, Sequence[Stage]]


class Span(NamedTuple):
    """The scores of names of one length."""

    name: str
    threshold: float
    middles: Mapping[str, tuple[float, float, float]]  # lower quartile, median, upper quartile of each category


@dataclass(frozen=True)
class Spans:
    """Scores by length of names, a panel for each class of sentences."""

    title: str
    note: str
    panels: Mapping[str, Sequence[Span]]


Chart = Histograms | Table | Rows | Funnel | Spans


def _frequency(manifest: Manifest, edits: Sequence[Edit]) -> Chart | None:
    threshold = _threshold(manifest, "frequency")
    signal = Signal.of("statements that mention the subject", edits, lambda edit: edit["frequency"], threshold)
    message = "Half of the long-tail subjects are mentioned at most {} times, half of the popular ones at most {} times"
    note = "Subjects by the number of statements that mention them; logarithmic axis."
    alike = "Half of the long-tail subjects, and half of the popular ones, are mentioned at most {} times"
    return _histograms((message, alike, "How often the subjects of edits are mentioned"), note, signal)


def _degree(manifest: Manifest, edits: Sequence[Edit]) -> Chart | None:
    threshold = _threshold(manifest, "degree")
    signals = (
        Signal.of("in-degree", edits, lambda edit: edit["in_degree"]),
        Signal.of("out-degree", edits, lambda edit: edit["out_degree"]),
        Signal.of("in- and out-degree", edits, lambda edit: edit["in_degree"] + edit["out_degree"], threshold),
    )
    message = "Half of the long-tail subjects have at most {} neighbours, half of the popular ones at most {}"
    note = "Subjects by the number of distinct items that statements join them to; logarithmic axes."
    alike = "Half of the long-tail subjects, and half of the popular ones, have at most {} neighbours"
    return _histograms((message, alike, "How many neighbours the subjects of edits have"), note, *signals)


def _name_score(carrier_class: str, manifest: Manifest, edit: Edit) -> tuple[float | None, float | None]:
    """The score of a name in sentences of a class, and the threshold it is compared with."""
    if carrier_class == "fact":
        return edit["log_likelihood_in_facts"], edit["log_likelihood_in_facts_threshold"]
    return edit[manifest.settings.likelihood.statistic], edit["log_likelihood_threshold"]


def _likelihood(manifest: Manifest, edits: Sequence[Edit]) -> Chart | None:
    """The scores of names by their length, with the threshold for each length."""
    if manifest.model is None:
        return None
    unit = UNITS[manifest.settings.likelihood.statistic]
    subjects = {(edit["category"], edit["subject_id"]): edit for edit in edits if edit["category"] in _SET_APART}
    panels: dict[str, list[Span]] = {"in neutral sentences": [], "in openings of facts": []}
    for name, spans in zip(("neutral", "fact"), panels.values(), strict=True):
        for record in manifest.thresholds:
            if record.carrier_class == name and record.threshold is not None:
                within = [edit for edit in subjects.values() if is_in_stratum(record, edit["subject"])]
                spans.append(Span(length_of_names(record), record.threshold, _middles(name, manifest, within)))
    if not any(span.middles for spans in panels.values() for span in spans):
        return None
    return Spans(
        "The name of a subject is held against names of its own length",
        f"Scores that {manifest.model.name} gives to the names of subjects, {unit}, by the length of names in bytes. "
        "Bars: the middle half of subjects, with their median. Black: the threshold.",
        panels,
    )


_SET_APART = ("popular", "long_tail")


def _middles(carrier_class: str, manifest: Manifest, edits: Sequence[Edit]) -> Mapping[str, tuple[float, float, float]]:
    """The quartiles of the scores of each category."""
    found: dict[str, tuple[float, float, float]] = {}
    for category in _SET_APART:
        scores = (_name_score(carrier_class, manifest, edit)[0] for edit in edits if edit["category"] == category)
        if values := sorted(score for score in scores if score is not None):
            last = len(values) - 1
            found[category] = (values[last // 4], values[last // 2], values[last - last // 4])
    return found


def is_in_stratum(record: ThresholdRecord, name: str) -> bool:
    """Whether a threshold is that of names as long as this one."""
    size = len(name.encode())
    return (record.min_bytes or 0) <= size and (record.max_bytes is None or size <= record.max_bytes)


def length_of_names(record: ThresholdRecord) -> str:
    """Which names a threshold is for, by their length in bytes; nothing if length does not matter."""
    if record.min_bytes is None:
        return ""
    if record.max_bytes is None:
        return f"{record.min_bytes} or more" if record.min_bytes else "any"
    return f"{record.min_bytes} to {record.max_bytes}" if record.min_bytes else f"up to {record.max_bytes}"


UNITS = {"log_likelihood_mean": "nats per token", "log_likelihood_per_byte": "nats per byte"}
"""The unit of each statistic of likelihood."""


def _threshold(manifest: Manifest, measure: str) -> float | None:
    return next((record.threshold for record in manifest.thresholds if record.measure == measure), None)


def _histograms(titles: tuple[str, str, str], note: str, *signals: Signal) -> Histograms | None:
    """The histograms of signals; titles for medians that differ, that are equal, and for less than both categories."""
    last = signals[-1]
    if not last.values:
        return None
    different, equal, title = titles
    if {"long_tail", "popular"} <= set(last.values):
        long_tail, popular = last.median("long_tail"), last.median("popular")
        title = equal.format(popular) if long_tail == popular else different.format(long_tail, popular)
    if last.threshold is not None:
        note += " Full colour: at or below the long-tail threshold."
    return Histograms(title, note, signals)


def _relations(manifest: Manifest, edits: Sequence[Edit]) -> Chart | None:
    del manifest
    names = {edit["relation_id"]: edit["relation"] for edit in edits}
    title = f"Edits cover {len(names)} of the {RELATION_COUNT} relations; the most frequent, {{}}, makes up {{}}"
    note = "Edits by relation and category. Bars are scaled within each category."
    return _table(title, note, names, Counter((edit["category"], edit["relation_id"]) for edit in edits))


def _domains(manifest: Manifest, edits: Sequence[Edit]) -> Chart | None:
    del edits
    counts = Counter({(name, key): count for name, keys in manifest.domains.items() for key, count in keys.items()})
    names = {key: in_words(key).lower() for _, key in counts}
    note = (
        "Edits by category and domain: the type of their subject, which picks the wording. Scaled within each category."
    )
    return _table("The most frequent domain of subjects, {}, makes up {} of the edits", note, names, counts)


def _table(title: str, note: str, names: Mapping[str, str], counts: Counter[tuple[str, str]]) -> Table | None:
    """A table of counts by category and key, with the most frequent key and its share put into the title."""
    total: Counter[str] = Counter()
    columns: dict[str, Counter[str]] = {name: Counter() for name in get_args(Category)}
    for (category, key), count in counts.items():
        total[key] += count
        columns[category][key] += count
    if not total:
        return None
    keys = sorted(total, key=lambda key: (-total[key], names[key]))
    message = title.format(names[keys[0]], in_percent(total[keys[0]], total.total()))
    return Table(
        message, note, {key: names[key] for key in keys}, {name: some for name, some in columns.items() if some}
    )


def _changes(manifest: Manifest, edits: Sequence[Edit]) -> Chart | None:
    del edits
    taken, total = set(manifest.settings.recent.classes), sum(manifest.changes.values())
    rows = [
        Row(in_words(name), manifest.changes[name], about, name in taken)
        for name, about in CHANGE_CLASSES.items()
        if name in manifest.changes
    ]
    if not total:
        return None
    share = in_percent(sum(row.number for row in rows if row.is_marked), total)
    title = f"{share} of the {total:,} differences may be news"
    note = "Differences between the two states by class; in colour the classes that recent edits are chosen from."
    return Rows(title, note, rows)


def _funnel(manifest: Manifest, edits: Sequence[Edit]) -> Chart | None:
    stages: dict[str, list[Stage]] = {}
    for key, rows in funnel(manifest).groupby(["category", "stage", "taken_in", "kept"], sort=False):
        category, stage, taken_in, kept = cast(tuple[str, str, int, int], key)
        dropped = {
            str(reason): int(count) for reason, count in zip(rows["reason"], rows["dropped"], strict=True) if reason
        }
        stages.setdefault(category, []).append(Stage(stage, int(taken_in), int(kept), dropped))
    if not stages:
        return None
    first, *_ = next(iter(stages.values()))
    title = f"{first.kept:,} of {first.taken_in:,} statements are fit for an edit; the release has {len(edits):,} edits"
    note = "A bar is what came into a stage: in colour what it kept, in grey what it dropped, a piece for each reason."
    return Funnel(title, note, stages)


def main_reasons(dropped: Mapping[str, int], characters: int = 84) -> str:
    """Reasons with their numbers, as many as fit, and what the others add up to.

    >>> main_reasons({"subject_type": 6649, "object_missing": 3001, "ended": 175}, characters=50)
    'subject type 6,649 · 2 other reasons 3,176'
    """
    parts = [f"{reason.replace('_', ' ')} {count:,}" for reason, count in dropped.items()]
    shown = len(parts)
    while shown > 1 and len(" · ".join(parts[:shown])) > characters - 22 * (shown < len(parts)):
        shown -= 1
    rest = list(dropped.values())[shown:]
    others = [f"{len(rest)} other reasons {sum(rest):,}"] if rest else []
    return " · ".join(parts[:shown] + others) or "nothing dropped"


CHARTS: Mapping[str, Callable[[Manifest, Sequence[Edit]], Chart | None]] = {
    "changes": _changes,
    "degree": _degree,
    "domains": _domains,
    "frequency": _frequency,
    "funnel": _funnel,
    "likelihood": _likelihood,
    "relations": _relations,
}
"""Each chart's function under the name of its file, in the order of names; None when there is nothing to show."""


def make_charts(manifest: Manifest, edits: Sequence[Edit]) -> dict[str, Chart]:
    """The charts of a release by name; one with nothing to show is left out.

    Args:
        manifest: Its manifest.
        edits: Its rows.
    """
    made = {name: make(manifest, edits) for name, make in CHARTS.items()}
    return {name: chart for name, chart in made.items() if chart is not None}
