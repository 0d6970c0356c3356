"""LIKELIHOOD: which names are scored, in which sentences, and what becomes of their scores."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean

import pyarrow as pa
import pytest

from pipeline import schema
from pipeline.choice import ticket
from pipeline.errors import UsageError
from pipeline.lm.scorer import FakeScorer, Sentence, sentences
from pipeline.settings import Settings, load_settings
from pipeline.signals import likelihood
from pipeline.signals.likelihood import draw_heads, make_requests, measure_likelihood
from pipeline.tables import read_table, write_table
from pipeline.templates import Templates, load_templates

TEMPLATES = load_templates()
SETTINGS = load_settings()
CARRIERS = SETTINGS.likelihood.carriers

HEADS: list[tuple[int, str, list[str]]] = [
    (55, "Netherlands", ["country"]),
    (36, "The Hague", ["settlement"]),
    (7, "Ada Lovelace", ["human"]),
    (202, "Yesterday", ["song"]),
    (9, "東京タワー", []),
]


def heads(rows: Iterable[tuple[int, str | None, list[str] | None]] = HEADS) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.HEADS.names, row, strict=True)) for row in rows], schema=schema.HEADS)


def settings(**changes: int) -> Settings:
    return SETTINGS.model_copy(update={"likelihood": SETTINGS.likelihood.model_copy(update=changes)})


def with_carriers(*carriers: str) -> Templates:
    return TEMPLATES.model_copy(update={"carriers": carriers})


def requests_of(label: str, types: list[str], templates: Templates = TEMPLATES) -> list[Sentence]:
    return sentences(make_requests(heads([(1, label, types)]), templates, CARRIERS))


class Measure:
    """Runs the stage in a folder."""

    def __init__(self, folder: Path) -> None:
        self.heads, self.out = folder / "heads.parquet", folder / "likelihood.parquet"
        self.steps: list[int] = []

    def __call__(
        self,
        rows: Iterable[tuple[int, str | None, list[str] | None]] = HEADS,
        scorer: FakeScorer | None = None,
        changed: Settings = SETTINGS,
    ) -> dict[str, int]:
        """Measure these heads and give the counts; `out` holds the table, `steps` the progress told."""
        write_table(heads(rows), self.heads, schema.HEADS)
        return measure_likelihood(
            self.heads, TEMPLATES, changed, scorer or FakeScorer(), self.out, lambda count: self.steps.append(count)
        )

    @property
    def rows(self) -> list[Mapping[str, object]]:
        """The rows of LIKELIHOOD."""
        return read_table(self.out).to_pylist()


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    return Measure(tmp_path)


# The sentences


def test_every_head_is_named_in_as_many_carriers_as_the_settings_ask_for() -> None:
    table = make_requests(heads(), TEMPLATES, CARRIERS)
    assert table.schema.equals(schema.REQUESTS)
    assert table["id"].to_pylist() == [f"{item}/{place}" for item, _, _ in HEADS for place in range(CARRIERS)]
    assert make_requests(heads([]), TEMPLATES, CARRIERS).equals(schema.REQUESTS.empty_table())


def test_the_span_is_the_label_whatever_stands_around_it() -> None:
    for label, types in (("Ada Lovelace", ["human"]), ("東京タワー", []), ("👩‍🚀 {subject} [a|b]", [])):
        for sentence, carrier in zip(requests_of(label, types), TEMPLATES.carriers, strict=False):
            assert sentence.name == label
            assert sentence.text == carrier.replace("{subject}", label)


def test_an_article_is_context() -> None:
    for sentence in requests_of("Netherlands", ["country"]):
        assert sentence.name == "Netherlands"
        assert sentence.text[: sentence.start].endswith(" the ")
    assert all("the The" not in sentence.text for sentence in requests_of("The Hague", ["settlement"]))


def test_a_name_never_stands_first() -> None:
    assert all(sentence.start > 10 for sentence in requests_of("Ada Lovelace", ["human"]))


def test_a_label_that_a_carrier_holds_too_is_scored_in_its_own_place() -> None:
    first = requests_of("Yesterday", ["song"])[0]
    assert first.text == "Yesterday we spoke at length about Yesterday."
    assert first.start == 35


def test_missing_types_are_no_types() -> None:
    table = make_requests(heads([(1, "Ada", None)]), TEMPLATES, CARRIERS)
    assert table.equals(make_requests(heads([(1, "Ada", [])]), TEMPLATES, CARRIERS))


def test_too_few_carriers_are_refused() -> None:
    with pytest.raises(UsageError, match=r"asks for 4 carriers and there are 1 .*carriers.yaml.* add carriers"):
        requests_of("Ada", [], with_carriers("We spoke of {subject}."))


@pytest.mark.parametrize("carrier", ["{subject} was mentioned.", "We spoke of {subject's} fate."])
def test_a_carrier_that_names_its_subject_first_or_in_another_form_is_refused(carrier: str) -> None:
    with pytest.raises(UsageError, match="after some other words"):
        requests_of("Ada", [], with_carriers(*TEMPLATES.carriers[: CARRIERS - 1], carrier))


def test_the_carriers_of_the_project_all_serve() -> None:
    assert len(TEMPLATES.carriers) >= CARRIERS
    make_requests(heads(), TEMPLATES, len(TEMPLATES.carriers))


# The draw


def test_beyond_the_limit_the_smallest_tickets_are_scored() -> None:
    limited = settings(max_heads=2)
    kept = draw_heads(heads(), limited)["id"].to_pylist()
    assert kept == sorted(sorted((item for item, _, _ in HEADS), key=lambda it: ticket(SETTINGS.seed, "head", it))[:2])
    assert draw_heads(heads(reversed(HEADS)), limited)["id"].to_pylist() == kept
    assert draw_heads(heads(), settings(max_heads=0)).num_rows == 0


def test_within_the_limit_all_are_scored_in_the_order_of_their_ids() -> None:
    assert draw_heads(heads(), settings(max_heads=5)).equals(heads(sorted(HEADS)))


def test_a_larger_limit_adds_heads_and_removes_none() -> None:
    many = heads((item, f"Name {item}", []) for item in range(50))
    draws = [set(draw_heads(many, settings(max_heads=limit))["id"].to_pylist()) for limit in (10, 20, 40)]
    assert draws[0] < draws[1] < draws[2]


# The scores


def test_an_item_gets_the_means_over_its_carriers(measure: Measure) -> None:
    scorer = FakeScorer(name="fake-lm", revision="abc", dtype="bfloat16")
    assert measure(scorer=scorer) == {"ok": 5}
    table = read_table(measure.out)
    assert table.schema.equals(schema.LIKELIHOOD)
    assert table["id"].to_pylist() == sorted(item for item, _, _ in HEADS)
    scores = scorer.score(make_requests(heads(HEADS[2:3]), TEMPLATES, CARRIERS)).to_pylist()
    assert measure.rows[0] == {
        "id": 7,
        "log_likelihood_sum": pytest.approx(fmean(score["log_likelihood_sum"] for score in scores)),
        "log_likelihood_mean": pytest.approx(
            fmean(score["log_likelihood_sum"] / score["token_count"] for score in scores)
        ),
        "token_count": 3,
        "model": "fake-lm",
        "revision": "abc",
        "dtype": "bfloat16",
    }


def test_the_mean_is_per_token_and_not_per_item(measure: Measure) -> None:
    """A carrier in which the name takes more tokens has no more weight than the others."""

    class Uneven(FakeScorer):
        def score(self, requests: pa.Table) -> pa.Table:
            rows = super().score(requests).to_pylist()
            for row, (total, count) in zip(rows, [(-2.0, 1), (-2.0, 2), (-9.0, 3), (-8.0, 2)], strict=True):
                row |= {"log_likelihood_sum": total, "token_count": count}
            return pa.Table.from_pylist(rows, schema=schema.SCORES)

    measure(HEADS[2:3], Uneven())
    (row,) = measure.rows
    assert (row["log_likelihood_sum"], row["log_likelihood_mean"], row["token_count"]) == (-5.25, -2.5, 3)


def test_an_item_with_a_carrier_that_was_not_scored_is_left_out_and_counted(measure: Measure) -> None:
    class Partly(FakeScorer):
        def score(self, requests: pa.Table) -> pa.Table:
            rows = super().score(requests).to_pylist()
            for row in rows:
                if row["id"] in ("55/2", "55/3"):
                    row |= {"status": "not_finite" if row["id"] == "55/2" else "bad_span", "log_likelihood_sum": None}
            return pa.Table.from_pylist(rows, schema=schema.SCORES)

    assert measure(scorer=Partly(refused={"Ada Lovelace": "too_long"})) == {"not_finite": 1, "ok": 3, "too_long": 1}
    assert [row["id"] for row in measure.rows] == [9, 36, 202]


def test_an_empty_label_is_counted_like_any_other_refusal(measure: Measure) -> None:
    assert measure([(1, "", []), (2, " ", []), (3, "Ada", [])]) == {"bad_span": 1, "no_tokens": 1, "ok": 1}


def test_no_heads_give_an_empty_table(measure: Measure) -> None:
    assert measure([]) == {}
    assert read_table(measure.out).equals(schema.LIKELIHOOD.empty_table())


def test_the_order_of_heads_and_the_size_of_calls_change_no_byte(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure()
    first = measure.out.read_bytes()
    measure(HEADS[::-1])
    assert measure.out.read_bytes() == first
    monkeypatch.setattr(likelihood, "_HEADS_AT_ONCE", 2)
    measure()
    assert measure.out.read_bytes() == first
    assert measure.steps == [5, 5, 2, 2, 1]


def test_the_measure_needs_no_torch_to_be_imported() -> None:
    """Only a run that scores pays for the heavy libraries."""
    code = "import sys, pipeline.signals.likelihood; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
