"""Consistency: what an edit claims, and that no other edit of its scope makes it or its probes false."""

from functools import cached_property, partial
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.edit_record import Edit, Probe
from pipeline.core.settings import SplitsSettings
from pipeline.edits.consistency import (
    Claims,
    claims_of,
    fact_of,
    find_touched,
    independent_groups,
    new_scope,
    probe_slots,
    scope_of,
    slots_on,
)
from pipeline.edits.exclusions import Exclusions
from pipeline.edits.probes import add_probes
from pipeline.edits.splits import assign_splits
from pipeline.language.subgraph import Subgraph
from pipeline.language.template_parts import Rule
from tests.limits import ROOMY
from tests.minikg import FINN, GREENPORT, IBEN, KOLYA, RUTH, SALTHOLM, VERDANIA, Mini
from tests.samples import changed

ALL_IN_TRAIN = SplitsSettings(train=1, validation=0, test=0)


def reads(probe: Probe, item: int, relation: str) -> bool:
    """Whether a probe's way goes over a relation of an item."""
    return (f"Q{item}", relation) in probe_slots(probe)


def test_a_new_father_is_the_father_of_the_siblings_too(mini: Mini) -> None:
    """Iben and Kolya are siblings: if Iben gets another father, what is said of Kolya's father is decided."""
    edit = mini.edit(mini.change(IBEN, "P22", FINN, RUTH))
    claims = claims_of(edit, mini.subgraph)
    assert (f"Q{KOLYA}", "P22") in claims.entailed
    assert (f"Q{RUTH}", "P40") in claims.touched
    assert (f"Q{FINN}", "P40", f"Q{IBEN}") in claims.removed  # Finn has a child less


def test_a_rule_may_lead_to_the_subject_too(mini: Mini) -> None:
    """Finn has Iben as a child, so he is asked about where a rule speaks of those who have the subject as one."""
    rule = Rule(edit="P22", given=("other", "P40", "subject"), then=("other", "P26", "target"))
    templates = mini.subgraph.templates.model_copy(update={"rules": (rule,)})
    subgraph = Subgraph(mini.subgraph.items, mini.subgraph.triples, templates)
    claims = claims_of(mini.edit(mini.change(IBEN, "P22", FINN, RUTH)), subgraph)
    parents = {triple.subject_id for triple in subgraph.triples_with_object(IBEN, "P40")}
    assert FINN in parents
    assert claims.entailed == {(f"Q{parent}", "P26") for parent in parents}


def test_where_the_inverse_has_one_answer_an_edit_decides_it_alone(mini: Mini) -> None:
    """One thing follows another, but a new capital may be that of a county, too."""
    capital = mini.edit(mini.change(VERDANIA, "P36", GREENPORT, SALTHOLM))
    follows = changed(capital, relation_id="P155", path=[{"relation_id": "P155", "object_id": f"Q{GREENPORT}"}])
    for edit, inverse, is_alone in ((follows, "P156", True), (capital, "P1376", False)):
        claims, own = claims_of(edit, mini.subgraph), {(f"Q{VERDANIA}", edit["relation_id"])}
        turned = {(f"Q{item}", inverse) for item in (GREENPORT, SALTHOLM)}
        assert claims.exclusive == (own | turned if is_alone else own)
        assert own | turned <= claims.decided


def test_a_true_fact_ends_nothing(mini: Mini) -> None:
    edit = mini.edit(mini.fact(IBEN, "P22", FINN))
    claims = claims_of(edit, mini.subgraph)
    assert not claims.removed
    assert (f"Q{FINN}", "P40", f"Q{IBEN}") in claims.stated


def kept(mini: Mini, *edits: Edit) -> list[str]:
    """The subjects and relations that stay, and the case that each dropped edit lost against."""
    claims = partial(claims_of, subgraph=mini.subgraph)
    staying, drops = assign_splits(edits, claims, Exclusions(), 1, ALL_IN_TRAIN, ROOMY)
    assert all(drop.detail in {one["case_id"] for one in staying} for drop in drops if drop.reason == "conflict")
    return [f"{one['subject_id']} {one['relation_id']}" for one in staying]


def test_edits_that_contradict_each_other_by_a_rule_or_an_inverse_are_not_kept_together(mini: Mini) -> None:
    new_father = mini.edit(mini.change(IBEN, "P22", FINN, RUTH))
    father_of_the_sibling = mini.edit(mini.fact(KOLYA, "P22", FINN))
    child_of_the_old_father = mini.edit(mini.fact(FINN, "P40", IBEN))
    for other in (father_of_the_sibling, child_of_the_old_father):
        for order in permutations((new_father, other)):
            assert len(kept(mini, *order)) == 1
    assert len(kept(mini, father_of_the_sibling, child_of_the_old_father)) == 2  # both are true


def test_of_several_rivals_a_drop_names_the_same_in_every_run() -> None:
    """The order of a set would change from run to run, and with it the bytes of what was dropped."""
    nothing = Claims(*[frozenset()] * len(Claims._fields))
    slots = [(f"Q{number}", "P36") for number in range(10, 60)]
    scope = new_scope()
    for slot in slots:
        scope.add(f"popular-{slot[0]}", nothing._replace(exclusive=frozenset({slot})))
    assert scope.rival(nothing._replace(exclusive=frozenset(slots))) == "popular-Q10"
    assert scope.rival(nothing) is None


def test_the_same_edit_in_the_test_split_contradicts_nothing_in_training(mini: Mini) -> None:
    assert scope_of("validation") == scope_of("train")
    change = mini.edit(mini.change(IBEN, "P22", FINN, RUTH))
    other = next(
        one for one in mini.edits if one["subject_id"] not in {f"Q{item}" for item in (IBEN, KOLYA, FINN, RUTH)}
    )
    other = changed(other, split="train")
    probe: Probe = {
        "kind": "Neighborhood",
        "prompt": "The father of Kolya is",
        "question": "",
        "ground_truth": [["Finn"]],
        "subject_id": f"Q{KOLYA}",
        "relation_id": "P22",
        "path": [{"relation_id": "P22", "object_id": f"Q{FINN}"}],
    }
    assert find_touched([changed(change, split="test"), other], mini.subgraph).is_safe(probe, other)
    assert not find_touched([changed(change, split="validation"), other], mini.subgraph).is_safe(probe, other)


def test_a_probe_in_the_words_of_another_edit_is_not_safe(mini: Mini) -> None:
    one, other = mini.edits[:2]
    one, other = changed(one, split="train"), changed(other, split="train", base_case_id=None)
    probe: Probe = {
        "kind": "Neighborhood",
        "prompt": other["rephrases"][0],
        "question": "",
        "ground_truth": [["x"]],
        "subject_id": "Q999999",
        "relation_id": "P1",
        "path": [],
    }
    assert not find_touched([one, other], mini.subgraph).is_safe(probe, one)
    assert find_touched([one], mini.subgraph).is_safe(changed_prompt(probe, "x"), one)


def changed_prompt(probe: Probe, prompt: str) -> Probe:
    """A probe with another prompt."""
    return {**probe, "prompt": prompt}


class Everything:
    """Every fact of the mini graph as a true edit, and every popular one as a counterfactual."""

    def __init__(self, mini: Mini) -> None:
        self.mini = mini

    @cached_property
    def edits(self) -> list[Edit]:
        """Edits before splits."""
        return [
            changed(one, split="", locality=[], portability=[]) for one in self.mini.edits if not one["base_case_id"]
        ]


@pytest.fixture(scope="module")
def everything(mini: Mini) -> Everything:
    return Everything(mini)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_edits_meet_no_probe_asks_what_another_edit_decides(
    everything: Everything, data: st.DataObject
) -> None:
    """The promise of the module, checked by comparing every probe with every other edit."""
    mini = everything.mini
    chosen = data.draw(st.lists(st.sampled_from(everything.edits), unique_by=lambda one: one["case_id"], min_size=2))
    claims = partial(claims_of, subgraph=mini.subgraph)
    staying, _ = assign_splits(chosen, claims, Exclusions(), 1, ALL_IN_TRAIN, ROOMY)
    touched = find_touched(staying, mini.subgraph)
    probed = [
        add_probes(one, mini.subgraph, mini.settings.probes, 1, lambda _: True, partial(touched.is_safe, edit=one))
        for one in staying
    ]
    claimed = [(one, fact_of(one), claims(one)) for one in probed]
    for one, fact, ours in claimed:
        for _, other_fact, theirs in claimed:
            if fact == other_fact:
                continue
            assert not ours.exclusive & theirs.exclusive
            assert not ours.stated & theirs.removed
            assert not ours.exclusive & theirs.entailed
            assert not ours.relied & (theirs.exclusive | theirs.entailed)
            for probe in one["locality"]:
                assert not theirs.touched.intersection(probe_slots(probe))
            stated = set(slots_on(one["subject_id"], one["path"]))  # what the edit itself answers
            for probe in one["portability"]:
                assert not theirs.decided.intersection(probe_slots(probe))
                assert not theirs.touched.intersection(set(probe_slots(probe)) - stated)
    groups = independent_groups(probed, mini.subgraph)
    assert set(groups) == {fact_of(one) for one in probed}
    for one, fact, ours in claimed:
        asked = {slot for probe in (*one["locality"], *one["portability"]) for slot in probe_slots(probe)}
        for _, other_fact, theirs in claimed:
            if fact != other_fact and groups[fact] == groups[other_fact]:
                assert not (ours.touched | asked) & theirs.touched


def test_a_portability_probe_may_ask_what_its_edit_states_though_another_edit_makes_one_wonder(mini: Mini) -> None:
    """A new citizenship touches the place of birth, but where another edit states that, it stays as stated."""
    birth = changed(mini.edits[0], subject_id="Q5", relation_id="P19", case_id="a", base_case_id=None, split="train")
    birth = changed(birth, hops=1, path=[{"relation_id": "P19", "object_id": "Q6"}])
    citizen = changed(birth, relation_id="P27", case_id="b", edit_kind="modification", prompt="x", question="y")
    citizen = changed(citizen, path=[{"relation_id": "P27", "object_id": "Q8"}], rephrases=[], question_rephrases=[])
    probe: Probe = {
        "kind": "Subject_Aliasing",
        "prompt": "The other name",
        "question": "",
        "ground_truth": [["z"]],
        "subject_id": "Q5",
        "relation_id": "P19",
        "path": [{"relation_id": "P19", "object_id": "Q6"}],
    }
    touched = find_touched([birth, citizen], mini.subgraph)
    assert ("Q5", "P19") in claims_of(citizen, mini.subgraph).touched
    assert touched.is_safe(probe, birth)
    assert not touched.is_safe({**probe, "kind": "Forgetfulness"}, birth)
    assert not touched.is_safe(probe, changed(birth, path=[{"relation_id": "P20", "object_id": "Q6"}]))


def test_groups_of_different_scopes_do_not_heed_each_other(mini: Mini) -> None:
    first = changed(mini.edits[0], case_id="a", base_case_id=None, split="train", locality=[], portability=[])
    second = changed(first, case_id="b")
    assert len(set(independent_groups([first, second], mini.subgraph).values())) == 2
    assert set(independent_groups([first, changed(second, split="test")], mini.subgraph).values()) == {0}


@pytest.mark.parametrize("probe_of", ["a", "b"])
def test_who_asks_what_another_edit_changes_has_another_number(probe_of: str, mini: Mini) -> None:
    """Whichever of the two is numbered first."""
    asked: Probe = {
        "kind": "Forgetfulness",
        "prompt": "The father of Iben is",
        "question": "",
        "ground_truth": [["Finn"]],
        "subject_id": f"Q{IBEN}",
        "relation_id": "P22",
        "path": [{"relation_id": "P22", "object_id": f"Q{FINN}"}],
    }
    father = mini.edit(mini.change(IBEN, "P22", FINN, RUTH))
    capital = mini.edit(mini.change(VERDANIA, "P36", GREENPORT, SALTHOLM))
    asking = changed(capital, case_id=probe_of, locality=[asked])
    asked_about = changed(father, case_id="b" if probe_of == "a" else "a")
    assert independent_groups([asking, asked_about], mini.subgraph) == {"a": 0, "b": 1}
    assert independent_groups([changed(asking, locality=[]), asked_about], mini.subgraph) == {"a": 0, "b": 0}


def test_a_slot_is_free_where_no_edit_of_the_scope_touches_it(mini: Mini) -> None:
    touched = find_touched([mini.edit(mini.change(IBEN, "P22", FINN, RUTH))], mini.subgraph)  # in train
    places = {split: touched.is_free((f"Q{IBEN}", "P22"), split) for split in ("train", "validation", "test")}
    assert places == {"train": False, "validation": False, "test": True}
    assert touched.is_free((f"Q{IBEN}", "P27"), "train")
