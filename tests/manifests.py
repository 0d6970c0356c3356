"""An invented manifest that fits the sample edits, and a large one whose numbers and names are as long as they get."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random

from pipeline.core.edit_record import Edit
from pipeline.core.manifest import (
    CheckRecord,
    CodeRecord,
    CountRecord,
    DumpRecord,
    ExportRecord,
    FileRecord,
    InputRecord,
    LikelihoodAucRecord,
    Manifest,
    ModelRecord,
    ThresholdRecord,
    empty_parts,
    sealed,
)
from pipeline.core.reasons import BY_STAGE
from pipeline.core.schema import CHANGE_CLASSES
from pipeline.core.settings import load_settings
from pipeline.edits.splits import SPLITS
from pipeline.language.templates import load_templates
from pipeline.release.checks import CHECKS
from pipeline.release.exports import export_files
from tests.samples import EDITS, changed

STATISTIC = load_settings().likelihood.statistic
CATEGORIES = ("recent", "popular", "long_tail", "robust")

_COUNTS = (
    CountRecord(stage="screening", category=None, taken_in=640, kept=410, dropped={"ended": 30, "subject_type": 200}),
    CountRecord(stage="selection", category="long_tail", taken_in=410, kept=2, dropped={"above_threshold": 408}),
    CountRecord(
        stage="selection", category="popular", taken_in=9, kept=6, dropped={"path_returns": 1, "subject_quota": 2}
    ),
    CountRecord(stage="selection", category="recent", taken_in=5, kept=3, dropped={"class_not_selected": 2}),
    CountRecord(stage="edits", category="long_tail", taken_in=2, kept=2, dropped={}),
    CountRecord(stage="edits", category="popular", taken_in=6, kept=5, dropped={"no_wording": 1}),
    CountRecord(stage="edits", category="recent", taken_in=3, kept=3, dropped={}),
    CountRecord(stage="splits", category="long_tail", taken_in=2, kept=2, dropped={}),
    CountRecord(stage="splits", category="popular", taken_in=5, kept=4, dropped={"middle_in_other_split": 1}),
    CountRecord(stage="splits", category="recent", taken_in=3, kept=3, dropped={}),
    CountRecord(stage="variants", category="robust", taken_in=9, kept=3, dropped={"no_length_form": 6}),
)


def make_manifest(edits: Sequence[Edit] = EDITS, **fields: object) -> Manifest:
    """The manifest of a release with these edits; fields that are given take the place of invented ones."""
    exports = export_files(edits)
    manifest = Manifest(
        release="v2026.09.14",
        made_by=CodeRecord(version="0.1.0", code="c0de" * 16, templates="7e39" * 16, schema_version=1),
        source="dump",
        inputs=(
            InputRecord(role="new", file="wikidata-20260914-all.json.gz", bytes=150_123_456_789, sha256="ab12" * 16),
            InputRecord(role="old", file="wikidata-20260907-all.json.gz", bytes=150_001_234_567, sha256="cd34" * 16),
            InputRecord(role="pageviews", file="pageviews-202608-user.bz2", bytes=6_543_210, sha256="ef56" * 16),
        ),
        dump=DumpRecord(lines=703, items=700, statements=5_432, unreadable=0, samples=()),
        window_start=datetime(2026, 9, 7, 1, 2, 3, tzinfo=UTC),
        window_end=datetime(2026, 9, 14, 4, 5, 6, tzinfo=UTC),
        seed=20_240_811,
        settings=load_settings(),
        model=ModelRecord(
            name="EleutherAI/pythia-70m-deduped", revision="e93a9faa9c77", dtype="float32", tokenizer="5ca1ab1e"
        ),
        thresholds=(
            threshold("frequency", 321, 17.0, 0.8068),
            threshold("degree", 321, 11.0, 0.8193),
            threshold(STATISTIC, 180, -1.25, 0.8, "neutral", (0, 12)),
            threshold(STATISTIC, 120, -0.85, 0.8083, "neutral", (13, None)),
            threshold(STATISTIC, 300, -0.75, 0.8, "fact", (0, None)),
        ),
        likelihood_auc=(
            LikelihoodAucRecord(
                heads="all",
                carrier_class="neutral",
                measured=300,
                popular=40,
                long_tail=150,
                auc=0.8125,
                auc_in_strata=0.844,
                rho_degree=0.25,
                rho_degree_in_strata=None,
            ),
        ),
        aliases={"answer": 640, "code": 120, "other_words": 210},
        pageviews={"kept": 512, "no_item": 64, "one_access_method": 3},
        changes={"world_change": 40, "replaced": 6, "late_entry": 25, "removal": 9},
        counts=_COUNTS,
        rows={name: {split: _count(edits, name, split) for split in SPLITS} for name in CATEGORIES},
        relations=_mix(edits, "relation_id"),
        domains=_mix(edits, "domain"),
        exports={
            path: ExportRecord(records=len(records), left_out=exports.left_out[path])
            for path, records in exports.files.items()
        },
        checks=tuple(
            CheckRecord(name=name, required=check.required, looked_at=len(edits), failures=0)
            for name, check in CHECKS.items()
        ),
        files={
            "README.md": FileRecord(bytes=12_345, sha256="0" * 64),
            "manifest": FileRecord(bytes=55, sha256="1" * 64),
        },
    )
    manifest = manifest.model_copy(update=fields)
    return sealed(manifest.model_copy(update={"empty": empty_parts(manifest.rows, manifest.exports)}))


def threshold(
    measure: str,
    heads: int,
    value: float,
    share: float,
    carrier_class: str | None = None,
    size: tuple[int | None, int | None] = (None, None),
) -> ThresholdRecord:
    """A threshold, for likelihood in the stratum of names of so many bytes."""
    return ThresholdRecord(
        measure=measure,
        carrier_class=carrier_class,
        min_bytes=size[0],
        max_bytes=size[1],
        heads=heads,
        threshold=value,
        share=share,
    )


def large_edits(count: int = 400) -> list[Edit]:
    """Edits over all relations, categories and domains, with signals spread over many orders of magnitude."""
    templates, random = load_templates(), Random(4)
    relations, domains = list(templates.relations.values()), list(templates.types)
    edits: list[Edit] = []
    for number in range(count):
        relation = relations[number % len(relations)]
        signals = {name: int(random.lognormvariate(4, 3)) for name in ("in_degree", "out_degree")}
        edits.append(
            changed(
                EDITS[number % len(EDITS)],
                case_id=f"case-{number:06d}",
                subject_id=f"Q{number + 1}",
                domain=domains[number % len(domains)],
                relation_id=relation.id,
                relation=relation.name,
                frequency=1 + int(random.lognormvariate(5, 3)),
                log_likelihood_per_byte=random.gauss(-6, 2.5),
                **signals,
            )
        )
    return edits


def large_manifest(edits: Sequence[Edit]) -> Manifest:
    """A manifest with a long model name, counts of many digits and every reason and change class there is."""
    counts = [
        CountRecord(
            stage=stage,
            category=category,
            taken_in=123_456_789 + sum(dropped.values()),
            kept=123_456_789,
            dropped=dropped,
        )
        for stage, reasons in BY_STAGE.items()
        for category in ((None,) if stage == "screening" else CATEGORIES)
        for dropped in [{reason: 98_765_432 // (place + 1) for place, reason in enumerate(reasons)}]
    ]
    thousands: Mapping[str, Mapping[str, int]] = {
        name: {domain: number * 12_345 for domain, number in domains.items()}
        for name, domains in _mix(edits, "domain").items()
    }
    return make_manifest(
        edits,
        model=ModelRecord(
            name="an-organisation-of-note/a-model-with-a-rather-long-name-instruct",
            revision="0",
            dtype="bfloat16",
            tokenizer="0",
        ),
        thresholds=(
            threshold("frequency", 12_345_678, 1_234.0, 0.8),
            threshold("degree", 12_345_678, 987.0, 0.8),
            *(
                threshold(STATISTIC, 12_345_678, -20.5 / (place + 1), 0.8, name, (4 * place + 1, 4 * place + 4))
                for name in ("neutral", "fact")
                for place in range(20)
            ),
        ),
        changes={name: 12_345_678 // (place + 1) for place, name in enumerate(CHANGE_CLASSES)},
        counts=tuple(counts),
        domains=thousands,
    )


def _count(edits: Sequence[Edit], category: str, split: str) -> int:
    return sum(edit["category"] == category and edit["split"] == split for edit in edits)


def _mix(edits: Sequence[Edit], column: str) -> Mapping[str, Mapping[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for edit in edits:
        counts.setdefault(edit["category"], Counter())[str(edit[column])] += 1
    return {category: dict(sorted(counter.items())) for category, counter in sorted(counts.items())}
