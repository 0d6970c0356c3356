"""LIKELIHOOD and NAMES: what becomes of the scores of names."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean

import pyarrow as pa
import pytest

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.core.settings import Settings, load_settings
from pipeline.core.tables import read_table, write_table
from pipeline.language.carriers import Claim, carriers_of
from pipeline.language.templates import load_templates
from pipeline.lm.scores import Identity
from pipeline.signals.likelihood import make_requests, measure_likelihood, read_heads, write_requests
from tests.scorers import FakeScorer

TEMPLATES = load_templates()
SETTINGS = load_settings()
CARRIERS = SETTINGS.likelihood.carriers
CAPITAL = Claim("P36", "country", "Q727", 1, tense="present")._asdict()

Named = tuple[int, str | None, list[str] | None, list[dict[str, object]] | None]

HEADS: list[Named] = [
    (55, "Netherlands", ["country"], [CAPITAL]),
    (36, "The Hague", ["settlement"], []),
    (7, "Ada Lovelace", ["human"], []),
    (202, "Yesterday", ["song"], []),
    (9, "東京タワー", [], []),
]
IN_ORDER = sorted(item for item, *_ in HEADS)


def heads(rows: Iterable[Named] = HEADS) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.HEADS.names, row, strict=True)) for row in rows], schema=schema.HEADS)


def settings(**changes: int) -> Settings:
    return SETTINGS.model_copy(update={"likelihood": SETTINGS.likelihood.model_copy(update=changes)})


def scores_of(rows: Iterable[Named], scorer: FakeScorer) -> list[dict[str, object]]:
    """SCORES of heads."""
    carriers = [
        (h.id, one) for h in read_heads(heads(rows)) for one in carriers_of(h, CARRIERS, TEMPLATES, SETTINGS.seed)
    ]
    return scorer.score(make_requests(carriers)).to_pylist()


class Measure:
    """Runs the stage in a folder, with a scorer that needs no model."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"

    def __call__(
        self,
        rows: Iterable[Named] = HEADS,
        scorer: FakeScorer | None = None,
        changed: Settings = SETTINGS,
        shard_rows: int = 100,
    ) -> dict[str, int]:
        """Measure these heads and give the counts; `out` holds the tables."""
        made, asked, scores = self.folder / "heads.parquet", self.folder / "requests.parquet", self.folder / "scores"
        write_table(heads(rows), made, schema.HEADS)
        write_requests(made, TEMPLATES, changed, asked)
        fake = scorer or FakeScorer()
        table = fake.score(read_table(asked))
        shutil.rmtree(scores, ignore_errors=True)
        for number, place in enumerate(range(0, max(table.num_rows, 1), shard_rows)):
            write_table(table.slice(place, shard_rows), scores / f"scores-{number:05d}.parquet", schema.SCORES)
        identity = Identity(fake.name, fake.revision, fake.dtype, fake.tokenizer_hash, bos_id=0)
        return measure_likelihood(scores, identity, self.out)

    def rows(self, table: str) -> list[Mapping[str, object]]:
        """The rows of a table."""
        return read_table(self.out / f"{table}.parquet").to_pylist()

    def bytes(self) -> list[bytes]:
        """All tables."""
        return [path.read_bytes() for path in sorted(self.out.iterdir())]


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    return Measure(tmp_path)


def test_requests_name_the_item_and_the_sentence() -> None:
    (netherlands,) = read_heads(heads(HEADS[:1]))
    carriers = [(55, one) for one in carriers_of(netherlands, CARRIERS, TEMPLATES, 1)]
    table = make_requests(carriers)
    assert table.schema.equals(schema.REQUESTS)
    assert table["id"].to_pylist() == [f"55/neutral/{n}" for n in range(CARRIERS)] + ["55/fact/P36", "55/alone"]
    assert make_requests([]).equals(schema.REQUESTS.empty_table())


def test_missing_lists_are_empty() -> None:
    assert read_heads(heads([(1, "Ada", None, None)])) == read_heads(heads([(1, "Ada", [], [])]))


def test_every_sentence_has_a_row_with_the_model_beside_it(measure: Measure) -> None:
    scorer = FakeScorer(name="fake-lm", revision="abc", dtype="bfloat16", tokenizer_hash="t0")
    assert measure(scorer=scorer) == {"ok": 5}
    assert read_table(measure.out / "likelihood.parquet").schema.equals(schema.LIKELIHOOD)
    rows = [row for row in measure.rows("likelihood") if row["id"] == 55]
    for row, score in zip(rows, scores_of(HEADS[:1], scorer), strict=True):
        assert f"55/{row['carrier']}" == score["id"]
        assert row["log_likelihood_sum"] == round(score["log_likelihood_sum"], 3)  # type: ignore[call-overload]
        copied = ("token_count", "byte_count", "first_rank", "is_left_merged", "is_right_merged", "status")
        assert [row[name] for name in copied] == [score[name] for name in copied]
        assert (row["model"], row["revision"], row["dtype"], row["tokenizer"]) == ("fake-lm", "abc", "bfloat16", "t0")
    identity = {"model": "fake-lm", "revision": "abc", "dtype": "bfloat16", "tokenizer": "t0"}
    assert measure.rows("models") == [identity]


def test_a_name_gets_the_means_over_the_sentences_of_each_class(measure: Measure) -> None:
    measure(HEADS[:1])
    scores = [row for row in measure.rows("likelihood") if str(row["carrier"]).startswith("neutral")]
    neutral, fact, alone = measure.rows("names")
    assert [row["carrier_class"] for row in (neutral, fact, alone)] == ["neutral", "fact", "alone"]
    assert [row["carriers"] for row in (neutral, fact, alone)] == [CARRIERS, 1, 1]
    sums = [float(row["log_likelihood_sum"]) for row in scores]  # type: ignore[arg-type]
    assert neutral["log_likelihood_sum"] == pytest.approx(fmean(sums), abs=6e-4)
    assert neutral["log_likelihood_mean"] == pytest.approx(fmean(sums) / 3, abs=6e-4)  # eleven letters, three tokens
    assert neutral["log_likelihood_per_byte"] == pytest.approx(fmean(sums) / 11, abs=6e-4)
    assert (neutral["token_count"], neutral["byte_count"]) == (3, 11)


def test_the_mean_is_per_token_and_not_per_item(measure: Measure) -> None:
    """A sentence in which the name takes more tokens has no more weight than the others."""

    class Uneven(FakeScorer):
        def score(self, requests: pa.Table) -> pa.Table:
            rows = super().score(requests).to_pylist()
            made = [(-2.0, 1), (-2.0, 2), (-9.0, 3), (-8.0, 2), (-1.0, 1)]
            for row, (total, count) in zip(rows, made, strict=True):
                row |= {"log_likelihood_sum": total, "token_count": count}
            return pa.Table.from_pylist(rows, schema=schema.SCORES)

    measure(HEADS[2:3], Uneven())
    row, _ = measure.rows("names")
    assert (row["log_likelihood_sum"], row["log_likelihood_mean"], row["token_count"]) == (-5.25, -2.5, 3)


def test_scores_are_rounded_before_anything_is_made_of_them(measure: Measure) -> None:
    class Shaken(FakeScorer):
        shake = 1e-5

        def score(self, requests: pa.Table) -> pa.Table:
            rows = super().score(requests).to_pylist()
            for row in rows:
                row["log_likelihood_sum"] = round(row["log_likelihood_sum"], 2) + self.shake
            return pa.Table.from_pylist(rows, schema=schema.SCORES)

    class Still(Shaken):
        shake = 0.0

    measure(scorer=Shaken())
    first = measure.bytes()
    measure(scorer=Still())
    assert measure.bytes() == first


def test_an_item_with_a_sentence_that_was_not_scored_is_left_out_and_counted(measure: Measure) -> None:
    class Partly(FakeScorer):
        def score(self, requests: pa.Table) -> pa.Table:
            rows = super().score(requests).to_pylist()
            for row in rows:
                if row["id"] in ("55/neutral/2", "55/neutral/3"):
                    status = "not_finite" if row["id"] == "55/neutral/2" else "bad_span"
                    row |= {"status": status, "log_likelihood_sum": None}
            return pa.Table.from_pylist(rows, schema=schema.SCORES)

    assert measure(scorer=Partly(refused={"Ada Lovelace": "too_long"})) == {"not_finite": 1, "ok": 3, "too_long": 1}
    assert {row["id"] for row in measure.rows("names")} == {9, 36, 202}
    assert {row["status"] for row in measure.rows("likelihood") if row["id"] == 7} == {"too_long"}


def test_an_empty_label_is_counted_like_any_other_refusal(measure: Measure) -> None:
    named: list[Named] = [(1, "", [], []), (2, " ", [], []), (3, "Ada", [], [])]
    assert measure(named) == {"bad_span": 1, "no_tokens": 1, "ok": 1}


def test_no_heads_give_empty_tables(measure: Measure) -> None:
    assert measure([]) == {}
    assert measure.rows("likelihood") == measure.rows("names") == []


def test_too_few_neutral_sentences_are_refused_before_anything_is_scored(measure: Measure) -> None:
    with pytest.raises(UsageError, match="asks for 99 carriers"):
        measure([], changed=settings(carriers=99))


@pytest.mark.parametrize("shard_rows", [1, 3, 7])
def test_where_shards_end_changes_no_byte(measure: Measure, shard_rows: int) -> None:
    measure()
    first = measure.bytes()
    measure(shard_rows=shard_rows)
    assert measure.bytes() == first


def test_a_build_does_not_import_torch() -> None:
    """Only a run that scores pays for the heavy libraries."""
    code = "import sys, pipeline.jobs.build; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
