"""Whatever the scores and the lengths of names: every stratum selects about the same share."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.select.thresholds import strata
from tests.measured import DEFAULTS, Tables, thresholds, triple

ENOUGH = 10
LIKELIHOOD = DEFAULTS.likelihood.model_copy(update={"stratum_heads": ENOUGH})
SETTINGS = DEFAULTS.model_copy(update={"likelihood": LIKELIHOOD})

names = st.lists(
    st.tuples(st.integers(1, 60), st.floats(-30, 0, allow_nan=False, allow_infinity=False)),
    min_size=ENOUGH,
    max_size=120,
    unique_by=lambda name: name[1],  # equal scores are taken or left together
)


@settings(max_examples=25, deadline=None)
@given(names)
def test_the_selected_share_is_about_equal_in_every_stratum(heads: list[tuple[int, float]]) -> None:
    tables = Tables(
        [triple(item) for item in range(len(heads))],
        likelihood={item: score for item, (_, score) in enumerate(heads)},
        sizes={item: size for item, (size, _) in enumerate(heads)},
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for row in thresholds(tables, Path(folder), SETTINGS) if row["carrier_class"] == "neutral"]
    assert sum(row["heads"] for row in rows) == len(heads)
    for row in rows:
        assert row["heads"] >= ENOUGH
        # The nearest rank rounds up, by less than one head.
        assert row["share"] + 1e-9 >= 0.8
        assert row["share"] < 0.8 + 1 / row["heads"]


@given(st.dictionaries(st.integers(0, 300), st.integers(1, 50), max_size=40))
def test_strata_hold_every_length_once_and_are_as_fine_as_they_may_be(heads: dict[int, int]) -> None:
    found = strata(heads, LIKELIHOOD)
    assert found[0].min_bytes == 0
    assert found[-1].max_bytes is None
    assert all(left.max_bytes == right.min_bytes - 1 for left, right in zip(found, found[1:], strict=False))
    counts: Counter[int] = Counter()
    for size, count in heads.items():
        inside = [n for n, (start, end) in enumerate(found) if start <= size and (end is None or size <= end)]
        assert len(inside) == 1
        counts[inside[0]] += count
    assert len(found) == 1 or min(counts[place] for place in range(len(found))) >= ENOUGH
