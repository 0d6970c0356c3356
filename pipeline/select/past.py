"""PAST: who has died and what is no more, and is therefore spoken of in the past tense.

Dates of death and dissolution say so, and so do old dates of birth. Many items hold neither: then the next of kin, the
end of the state of which a person was a citizen, the class of a historical state, or the years in a description do.
"""

from pipeline.core.settings import ScreeningSettings
from pipeline.core.tables import Database
from pipeline.core.times import middle_sql
from pipeline.language.templates import Dating

_HUMAN = 5
_KIN = "22, 25, 26, 40, 3373"  # parents, spouse, children, siblings
_BIRTH, _CITIZENSHIP = 569, 27

# "British statesman (1874–1965)"; a reign tells as much if it ended long ago: "King of France (1774–1792)".
# Of a state also "monarchy between 1804 and 1867".
_YEARS_OF_A_PERSON = r"\((?:c\. ?)?([0-9]{3,4}) ?[–-] ?(?:c\. ?)?([0-9]{3,4})\)"
_YEARS_OF_A_STATE = r"\b([0-9]{3,4}) ?(?:[–-]|to|and|until) ?([0-9]{3,4})\b"

# Ages in days of what was born or ended at a known time.
_DATED = """
CREATE TEMP TABLE dated AS
SELECT subject_id AS id, property_id = {birth} AS is_birth, today - {day} AS age
FROM statements, (SELECT date_diff('day', DATE '0001-01-01', max(modified)::DATE) AS today FROM entities)
WHERE property_id IN ({birth}, {ends}) AND rank <> 'deprecated' AND value_kind = 'time'
"""

_PAST = """
CREATE TEMP TABLE past AS
SELECT subject_id AS id FROM statements
WHERE property_id IN ({ends}) AND rank <> 'deprecated' AND value_kind <> 'novalue'
UNION SELECT id FROM dated WHERE is_birth AND age > {lifetime}
UNION SELECT s.subject_id FROM statements s JOIN dated ON dated.id = s.object_id
WHERE s.rank <> 'deprecated' AND (
    s.property_id IN ({kin}) AND is_birth AND age > {lifetime_of_kin}
    OR s.property_id = {citizenship} AND NOT is_birth AND age > {lifetime})
UNION SELECT s.object_id FROM statements s JOIN dated ON dated.id = s.subject_id
WHERE s.rank <> 'deprecated' AND s.property_id IN ({kin}) AND s.object_id IS NOT NULL
    AND is_birth AND age > {lifetime_of_kin}
UNION SELECT id FROM entities
WHERE list_contains(type_ids, {human}) AND (
    {year_of_death} - {year_of_birth} >= {years_of_a_life}
    OR (SELECT year(max(modified)) FROM entities) - {year_of_death} > {years_since_an_end})
UNION SELECT id FROM bygone_states
"""

# Towns were states, too, and still stand.
_BYGONE_STATES = """
CREATE TEMP TABLE bygone_states AS
WITH likely AS (
    SELECT id, unnest(type_ids) AS class_id, list_has_any(type_ids, {classes}) AS is_of_the_past FROM entities
    WHERE list_has_any(type_ids, {classes})
       OR NOT list_contains(type_ids, {human}) AND regexp_matches(description, '{years}')
)
SELECT id FROM likely JOIN types USING (class_id)
GROUP BY id
HAVING NOT bool_or(type = 'settlement') AND (bool_or(is_of_the_past) OR bool_or(type IN ('country', 'territory')))
"""


def make_past(dating: Dating, settings: ScreeningSettings, database: Database) -> None:
    """Make the table `past`, of item ids.

    Args:
        dating: Which properties end something, and which classes are of the past.
        settings: How long people live.
        database: A session with the views `statements`, `entities` and `types`.
    """
    ends = ", ".join(map(str, sorted({*dating.end, *dating.death})))
    database.run(_DATED.format(birth=_BIRTH, ends=ends, day=middle_sql("time", "precision")))
    classes = list(dating.ended_classes)
    database.run(_BYGONE_STATES.format(classes=classes, human=_HUMAN, years=_YEARS_OF_A_STATE))
    database.run(
        _PAST.format(
            ends=ends,
            kin=_KIN,
            citizenship=_CITIZENSHIP,
            human=_HUMAN,
            lifetime=settings.assume_dead_after_years * 365,
            lifetime_of_kin=(settings.assume_dead_after_years + settings.years_between_kin) * 365,
            year_of_birth=_year(1),
            year_of_death=_year(2),
            years_of_a_life=settings.years_of_a_life,
            years_since_an_end=settings.assume_dead_after_years,
        )
    )


def _year(group: int) -> str:
    return f"try_cast(regexp_extract(description, '{_YEARS_OF_A_PERSON}', {group}) AS INT)"
