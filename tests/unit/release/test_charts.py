"""What figures say: titles with the right numbers, and nothing where there is nothing to say."""

from typing import cast

import pytest

from pipeline.core.manifest import Manifest
from pipeline.release.charts import CHARTS, Funnel, Histograms, Rows, Spans, Table, main_reasons
from pipeline.release.summary import EVERY_CATEGORY
from tests.manifests import make_manifest
from tests.samples import EDITS, changed


def chart(name: str, manifest: Manifest | None = None) -> object:
    return CHARTS[name](manifest or make_manifest(), EDITS)


def test_the_title_sets_long_tail_against_popular() -> None:
    edits = [
        changed(EDITS[0], category="long_tail", subject_id="Q1", frequency=4, in_degree=1, out_degree=2),
        changed(EDITS[0], category="popular", subject_id="Q2", frequency=1_500, in_degree=90, out_degree=30),
    ]
    frequency = cast(Histograms, CHARTS["frequency"](make_manifest(), edits))
    assert "at most 4 times" in frequency.title
    assert "at most 1,500 times" in frequency.title
    degree = cast(Histograms, CHARTS["degree"](make_manifest(), edits))
    assert "at most 3 neighbours" in degree.title
    assert "at most 120" in degree.title
    assert [signal.threshold for signal in degree.signals] == [None, None, 11.0]


def test_the_title_says_equal_medians_once() -> None:
    edits = [changed(EDITS[0], category=name, subject_id="Q1", frequency=15) for name in ("long_tail", "popular")]
    frequency = cast(Histograms, CHARTS["frequency"](make_manifest(), edits))
    assert frequency.title.count("15") == 1


@pytest.mark.parametrize("name", ["frequency", "degree"])
def test_the_title_claims_no_contrast_that_is_not_there(name: str) -> None:
    only_recent = [edit for edit in EDITS if edit["category"] == "recent"]
    found = CHARTS[name](make_manifest(), only_recent)
    assert isinstance(found, Histograms)
    assert "popular" not in found.title


def test_likelihood_names_the_model_and_needs_one() -> None:
    found = chart("likelihood")
    assert isinstance(found, Spans)
    assert "EleutherAI/pythia-70m-deduped" in found.note
    assert "nats per byte" in found.note
    assert chart("likelihood", make_manifest(model=None)) is None


def test_likelihood_without_scores_is_not_drawn() -> None:
    scores = ("log_likelihood_per_byte", "log_likelihood_in_facts")
    edits = [changed(edit, **dict.fromkeys(scores)) for edit in EDITS]
    assert CHARTS["likelihood"](make_manifest(), edits) is None


def test_names_stand_in_the_stratum_of_their_length_in_bytes() -> None:
    names = {"Q1": "東京タワー", "Q2": "twelve bytes", "Q3": "thirteen byte"}  # 15, 12 and 13 bytes
    edits = [
        changed(EDITS[0], category="popular", subject_id=item, subject=name, log_likelihood_per_byte=-float(item[1:]))
        for item, name in names.items()
    ]
    found = cast(Spans, CHARTS["likelihood"](make_manifest(), edits))
    short, long = found.panels["in neutral sentences"]
    assert (short.name, short.threshold, short.middles) == ("up to 12", -1.25, {"popular": (-2.0, -2.0, -2.0)})
    assert (long.name, long.threshold, long.middles) == ("13 or more", -0.85, {"popular": (-3.0, -3.0, -1.0)})
    (every,) = found.panels["in openings of facts"]
    assert (every.name, every.threshold) == ("any", -0.75)


def test_a_subject_with_many_edits_counts_once() -> None:
    twice = [changed(EDITS[0], category="long_tail", case_id=case) for case in ("a", "b")]
    once = CHARTS["likelihood"](make_manifest(), twice[:1])
    assert CHARTS["likelihood"](make_manifest(), twice) == once


def test_relations_come_most_frequent_first_under_readable_names() -> None:
    found = chart("relations")
    assert isinstance(found, Table)
    assert list(found.names.values())[:3] == ["capital", "employer", "place of birth"]
    assert found.title == "Edits cover 6 of the 48 relations; the most frequent, capital, makes up 25%"
    assert {category: counts.total() for category, counts in found.counts.items()} == {
        "recent": 3,
        "popular": 4,
        "long_tail": 2,
        "robust": 3,
    }


def test_domains_are_those_of_the_manifest() -> None:
    found = chart("domains", make_manifest(domains={"recent": {"eye_colour": 3, "person": 1}}))
    assert isinstance(found, Table)
    assert found.names == {"eye_colour": "eye colour", "person": "person"}
    assert found.title == "The most frequent domain of subjects, eye colour, makes up 75% of the edits"


def test_changes_mark_the_classes_of_recent_edits_and_keep_their_order() -> None:
    found = chart("changes")
    assert isinstance(found, Rows)
    assert [(row.name, row.number, row.is_marked) for row in found.rows] == [
        ("World change", 40, True),
        ("Replaced", 6, True),
        ("Late entry", 25, False),
        ("Removal", 9, False),
    ]
    assert found.title.startswith("58% of the 80 differences")


def test_the_funnel_starts_with_screening() -> None:
    found = chart("funnel")
    assert isinstance(found, Funnel)
    assert list(found.stages) == [EVERY_CATEGORY, "recent", "popular", "long_tail", "robust"]
    assert found.title == "410 of 640 statements are fit for an edit; the release has 12 edits"
    assert found.stages["popular"][0].dropped == {"subject_quota": 2, "path_returns": 1}


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_is_drawn_of_nothing(name: str) -> None:
    empty = make_manifest((), changes={}, counts=(), domains={}, relations={})
    assert CHARTS[name](empty, ()) is None


def test_reasons_that_do_not_fit_are_added_up() -> None:
    dropped = {f"reason_number_{number}": 1_000 - number for number in range(30)}
    told = main_reasons(dropped)
    assert len(told) <= 84
    assert told.startswith("reason number 0 1,000 · ")
    assert told.endswith(f"other reasons {sum(list(dropped.values())[told.count('reason number') :]):,}")


def test_no_reasons_are_told_as_such() -> None:
    assert main_reasons({}) == "nothing dropped"
