"""The sentences in which names are scored: late, once, and without giving the name away."""

from itertools import islice

import pytest

from pipeline.core.errors import UsageError
from pipeline.language.carriers import Carrier, Claim, Head, carriers_of, check_neutral_carriers
from pipeline.language.templates import Templates, load_templates

TEMPLATES = load_templates()
NEUTRAL = 4
CAPITAL = Claim("P36", "country", "Q90", 1, tense="present")
BORN = Claim("P569", "person", "+1815-12-10T00:00:00Z/11", 1, tense="past")


def sentences(label: str, *claims: Claim, types: tuple[str, ...] = ()) -> list[Carrier]:
    """The sentences of an item."""
    return list(carriers_of(Head(1, label, types, claims), NEUTRAL, TEMPLATES, 7))


def named(carrier: Carrier) -> str:
    return carrier.text[carrier.start : carrier.end]


def with_carriers(*carriers: str) -> Templates:
    return TEMPLATES.model_copy(update={"carriers": carriers})


def test_an_item_is_named_in_neutral_sentences_in_facts_and_alone() -> None:
    found = sentences("France", CAPITAL, types=("country",))
    assert [carrier.name for carrier in found] == [*(f"neutral/{n}" for n in range(NEUTRAL)), "fact/P36", "alone"]
    assert {named(carrier) for carrier in found} == {"France"}


def test_the_span_is_the_label_whatever_it_reads_like() -> None:
    for label in ("Ada Lovelace", "東京タワー", "👩‍🚀 {subject} [a|b]"):
        for carrier, template in zip(sentences(label), TEMPLATES.carriers[:NEUTRAL], strict=False):
            assert named(carrier) == label
            assert carrier.text == template.replace("{subject}", label)


def test_an_article_is_context() -> None:
    *others, alone = sentences("Netherlands", CAPITAL, types=("country",))
    assert all(carrier.text[: carrier.start].endswith(" the ") for carrier in others)
    assert alone == Carrier("alone", "Netherlands", 0, len("Netherlands"))
    assert all("the The" not in carrier.text for carrier in sentences("The Hague", types=("settlement",)))


def test_a_name_stands_first_only_when_it_stands_alone() -> None:
    *others, _ = sentences("Ada Lovelace", BORN, types=("person",))
    assert all(carrier.start > 5 for carrier in others)


def test_a_sentence_with_a_word_of_the_name_is_skipped() -> None:
    found = sentences("Yesterday")
    assert [carrier.name for carrier in found] == ["neutral/1", "neutral/2", "neutral/3", "neutral/4", "alone"]
    assert all(named(carrier) == "Yesterday" for carrier in found)


def test_an_opening_of_a_fact_contains_no_word_of_the_name() -> None:
    found = [carrier for carrier in sentences("Capital City", CAPITAL) if carrier.name == "fact/P36"]
    assert all("capital" not in carrier.text[: carrier.start].lower() for carrier in found)


def test_facts_of_the_past_are_in_the_past_tense() -> None:
    past = CAPITAL._replace(tense="past")
    (opening,) = (carrier.text for carrier in sentences("Prussia", past) if carrier.name == "fact/P36")
    assert not opening.endswith(" is")


def test_a_relation_without_a_wording_for_the_item_opens_no_sentence() -> None:
    coarse = BORN._replace(object_key="+1800-00-00T00:00:00Z/8")
    assert [carrier.name for carrier in sentences("Ada", coarse)][NEUTRAL:] == ["alone"]


def test_every_relation_can_open_a_sentence() -> None:
    for relation in TEMPLATES.relations.values():
        key = "+1815-12-10T00:00:00Z/11" if relation.value == "date" else "Q1"
        for kind in relation.subject_types:
            for count in (1, 2):
                found = sentences("Xyx", Claim(relation.id, kind, key, count, tense="present"))
                assert [carrier.name for carrier in found][NEUTRAL:] == [f"fact/{relation.id}", "alone"]
                assert named(found[NEUTRAL]) == "Xyx"


def test_the_wording_of_a_fact_is_drawn_for_each_item() -> None:
    openings = {
        carrier.text.replace(f"Name {item}", "")
        for item in range(40)
        for carrier in carriers_of(Head(item, f"Name {item}", (), (CAPITAL,)), NEUTRAL, TEMPLATES, 7)
        if carrier.name == "fact/P36"
    }
    assert len(openings) > 2


def test_too_few_carriers_are_refused() -> None:
    with pytest.raises(UsageError, match=r"asks for 4 carriers and there are 1 .*carriers.yaml.* add carriers"):
        check_neutral_carriers(with_carriers("We spoke of {subject}."), NEUTRAL)


@pytest.mark.parametrize("carrier", ["{subject} was mentioned.", "We spoke of {subject's} fate."])
def test_a_carrier_that_names_its_subject_first_or_in_another_form_is_refused(carrier: str) -> None:
    with pytest.raises(UsageError, match="after some other words"):
        check_neutral_carriers(with_carriers(*islice(TEMPLATES.carriers, NEUTRAL - 1), carrier), NEUTRAL)


def test_all_carriers_of_the_project_are_valid() -> None:
    check_neutral_carriers(TEMPLATES, NEUTRAL)
