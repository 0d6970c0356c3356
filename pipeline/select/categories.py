"""The categories: what each one considers, and how it measures it. To add one, add an entry to CATEGORIES.

A category is a query for its candidates over the views `triples`, `hops`, `spared`, `news`, `popularity`,
`frequency`, `degree`, `judged_names` and `thresholds`. It gives the columns of CANDIDATES; `reason` is filled where a
rule of the category itself rejects the row, and `stratum` with `share` says what part of the category a kind of row
should fill.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.core.schema import NEWS_CLASSES
from pipeline.core.settings import Settings

_ONE_HOP = (
    "t.subject_id, NULL AS middle_relation, NULL AS middle_id, "
    "t.relation, t.object_key, t.object_id, t.statement_id, t.object_count"
)


@dataclass(frozen=True)
class Category:
    """One of DAFSet's categories that is selected from triples.

    Attributes:
        name: Its name in releases.
        about: What its edits are, for the card.
        candidates: The query for its candidates.
        size: How many facts it may hold.
        per_subject: How many facts one subject may give.
        is_counterfactual: Whether its edits change a fact to an object that is not true (decision 7).
        drawn_first: The condition on candidates that are drawn before the others.
    """

    name: str
    about: str
    candidates: Callable[[Settings], str]
    size: Callable[[Settings], int]
    per_subject: Callable[[Settings], int]
    is_counterfactual: bool = False
    drawn_first: str = "false"


def _recent(settings: Settings) -> str:
    classes = ", ".join(f"'{name}'" for name in settings.recent.classes)
    dated = ", ".join(f"'{name}'" for name in NEWS_CLASSES)
    return f"""
    SELECT {_ONE_HOP}, NULL AS lt_type, c.change_class AS detail, 'one hop' AS stratum, 1.0 AS share,
        CASE WHEN c.change_class NOT IN ({classes}) THEN 'class_not_selected'
             WHEN NOT c.is_new_value THEN 'value_not_new'
             WHEN c.change_class IN ({dated}) AND NOT c.is_in_window THEN 'outside_window' END AS reason
    FROM triples t JOIN news c ON lower(c.new_statement_id) = lower(t.statement_id)
    WHERE t.reason IS NULL
    """


def _popular(settings: Settings) -> str:
    share = settings.popular.two_hop_share
    return f"""
    WITH heads AS (SELECT id FROM popularity ORDER BY page_views DESC, id LIMIT {settings.popular.heads}),
    near AS (SELECT t.* FROM triples t JOIN heads ON heads.id = t.subject_id WHERE t.reason IS NULL)
    SELECT {_ONE_HOP}, NULL AS lt_type, NULL AS detail, 'one hop' AS stratum, {1 - share} AS share,
        s.reason
    FROM near t LEFT JOIN spared s ON s.relation = t.relation AND s.subject_type = t.subject_type
        AND (t.object_count > 1 OR NOT s.if_several)
    UNION ALL
    SELECT a.subject_id, a.relation, a.object_id, b.relation, b.object_key, b.object_id, b.statement_id, b.object_count,
        NULL, 'Q' || a.object_id, 'two hops', {share},
        CASE WHEN b.object_id IN (a.subject_id, a.object_id) THEN 'path_returns'
             ELSE s.reason END
    FROM near a JOIN triples b ON b.subject_id = a.object_id AND b.reason IS NULL
    LEFT JOIN spared s ON s.relation = b.relation AND s.subject_type = b.subject_type
        AND (b.object_count > 1 OR NOT s.if_several)
    WHERE a.object_count = 1 AND {share} > 0
      AND (a.relation, a.subject_type, b.relation) IN (FROM hops)
    """


def _long_tail(settings: Settings) -> str:
    return f"""
    -- As rare is rare by both counts (decision 11), unlikely is what is so in each class of sentences.
    WITH unlikely AS (
        SELECT id, bool_and(value <= threshold) AS is_unlikely
        FROM judged_names WHERE threshold IS NOT NULL GROUP BY id
    ),
    heads AS (SELECT id FROM popularity ORDER BY page_views DESC, id LIMIT {settings.popular.heads}),
    viewed AS (
        FROM heads UNION SELECT id FROM popularity
        WHERE page_views_percentile > {settings.long_tail.max_views_percentile}
    ),
    measured AS (
        SELECT t.*,
            coalesce(f.frequency, 0) <= (SELECT threshold FROM thresholds WHERE measure = 'frequency')
                AND coalesce(d.in_degree + d.out_degree, 0)
                    <= (SELECT threshold FROM thresholds WHERE measure = 'degree')
                AS is_rare,
            coalesce(u.is_unlikely, false) AS is_unlikely
        FROM triples t
        LEFT JOIN frequency f ON f.id = t.subject_id
        LEFT JOIN degree d ON d.id = t.subject_id
        LEFT JOIN unlikely u ON u.id = t.subject_id
        WHERE t.reason IS NULL
    )
    SELECT {_ONE_HOP},
        CASE
            WHEN is_rare AND is_unlikely THEN 'both' WHEN is_rare THEN 'statistical' WHEN is_unlikely THEN 'semantic'
        END AS lt_type, NULL AS detail,
        CASE WHEN is_rare THEN 'statistical' ELSE 'semantic' END AS stratum, 0.5 AS share,
        CASE WHEN NOT is_rare AND NOT is_unlikely THEN 'above_threshold'
             WHEN subject_id IN (FROM viewed) THEN 'much_viewed' END AS reason
    FROM measured t
    """


CATEGORIES: Mapping[str, Category] = {
    "recent": Category(
        "recent",
        "facts that an event between the two states made true, each with its date and the class of its change",
        _recent,
        lambda settings: settings.recent.size,
        lambda settings: settings.recent.per_subject,
        drawn_first="detail = 'replaced'",  # an old answer gives way: a modification
    ),
    "popular": Category(
        "popular",
        "counterfactual changes to facts about the most viewed items, one or two hops away",
        _popular,
        lambda settings: settings.popular.size,
        lambda settings: settings.popular.per_subject,
        is_counterfactual=True,
    ),
    "long_tail": Category(
        "long_tail",
        "facts about items that are rarely mentioned and sparsely linked, or that a language model finds unlikely",
        _long_tail,
        lambda settings: settings.long_tail.size,
        lambda settings: settings.long_tail.per_subject,
    ),
}
"""The categories that are selected; robust is made from their edits by `variants.py`."""
