"""Exclusions: what a file keeps out of every split, whatever form it has."""

import json
from functools import partial
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.core.settings import SplitsSettings
from pipeline.edits.consistency import claims_of
from pipeline.edits.exclusions import Exclusions, normalised, read_exclusions
from pipeline.edits.splits import assign_splits
from pipeline.language.subgraph import Subgraph
from pipeline.release.exports import export_files, write_json
from tests.limits import ROOMY
from tests.minikg import TEMPLATES
from tests.samples import EDITS

CASES = Path(__file__).parents[4] / "shared" / "data" / "cases" / "exclude"
EXPORTED = export_files(EDITS).files
SHARES = SplitsSettings(train=0.8, validation=0.1, test=0.1)


def read(folder: Path, text: str) -> Exclusions:
    path = folder / "exclude"
    path.write_text(text, encoding="utf-8")
    return read_exclusions(path)


def test_a_list_holds_an_id_a_subject_or_a_prompt_on_each_line(tmp_path: Path) -> None:
    found = read(tmp_path, "Q42\nAda Rooke\n\n  The capital of Verdania is  \nQ1101\n")
    assert found.ids == {42, 1101}
    assert found.holds("Ada Rooke")
    assert found.holds("The capital of Verdania is")
    assert not found.holds("Q42")
    assert not found.holds("")


@pytest.mark.parametrize(
    "text",
    [
        "the capital of verdania is",
        "The  capital of\tVerdania is",
        "The capital of Verdania is:",
        "The capital of Verdania is ?",
        " The capital of Verdania is. ",
        "THE CAPITAL OF VERDANIA IS",
    ],
)
def test_case_spacing_and_final_punctuation_make_no_difference(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text).holds("The capital of Verdania is")
    assert normalised(text) == "the capital of verdania is"


@pytest.mark.parametrize("text", ['"Ada Rooke"', "'Ada Rooke'", '" Ada Rooke "', '"Ada Rooke"\n"Finn, the \'Tide\'"'])
def test_quotes_around_a_name_are_not_part_of_it(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text).holds("Ada Rooke")


@pytest.mark.parametrize("entry", ["Q42b", "P42", "Quebec", "L7"])
def test_what_only_looks_like_an_id_is_a_text(entry: str, tmp_path: Path) -> None:
    found = read(tmp_path, entry)
    assert not found.ids
    assert found.holds(entry)


ADDRESS = "http://www.wikidata.org/entity/Q42"
SPELLINGS = {
    "lines": "Q42\nQ43\n",
    "any case": "q42\nq43",
    "quoted": "\"Q42\"\n'Q43'\n",
    "addresses": f"{ADDRESS}\nhttps://www.wikidata.org/wiki/Q43",
    "mobile and data addresses": "<https://m.wikidata.org/wiki/Q42>\nhttp://wikidata.org/wiki/Special:EntityData/Q43.json",
    "prefixes": "wd:Q42\nwd:q43",
    "commas": "Q42,Q43",
    "commas and blanks": "Q42, Q43,\n",
    "blanks": "Q42 Q43",
    "semicolons": "Q42;Q43",
    "CSV": 'item,label\nQ42,Douglas Adams\nQ43,"Ankara, city"\n',
    "CSV, quoted, the id last": '"Label","QID"\n"Douglas Adams","Q42"\n"Ankara","q43"\n',
    "CSV without a header": "Q42,Douglas Adams\nQ43,Ankara\n",
    "CSV without a header that begins with what may name a column": "Q42,Concept\nQ43,Ankara\n",
    "CSV without a header, answers beside": "Q42,writer,Q36180\nQ43,capital,Q515\n",
    "CSV with semicolons": "item;label\nQ42;Douglas Adams\nQ43;Ankara\n",
    "TSV": "Q42\tDouglas Adams\nQ43\tAnkara\n",
    "TSV, the id last": "Douglas Adams\tQ42\nAnkara\tQ43\n",
    "TSV with a header": f"s_uri\tsubj\n{ADDRESS}\tDouglas Adams\nQ43\tAnkara\n",
    "one column": "item\nQ42\nQ43\n",
    "JSON": '["Q42", "Q43"]',
    "JSON, addresses": f'["{ADDRESS}", "wd:Q43"]',
    "JSON records": '[{"id": "Q42", "label": "Douglas Adams"}, {"qid": "q43"}]',
    "JSON records with names of their own": '[{"id": "row 1", "qid": "Q42", "label": "Douglas Adams"}, {"qid": "Q43"}]',
    "JSON lines": '{"item": "Q42"}\n\n{"subject_id": "Q43"}\n',
    "JSON lines of texts": '"Q42"\n"Q43"\n',
    "JSON, ids under one key": '{"ids": ["Q42", "Q43"]}',
    "byte order mark and CRLF": "\ufeffQ42\r\nQ43\r\n",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_ids_are_understood_however_they_are_spelt(spelling: str, tmp_path: Path) -> None:
    found = read(tmp_path, SPELLINGS[spelling])
    assert (found.ids, found.texts) == ({42, 43}, frozenset())
    assert found.entries == (1 if "under one key" in spelling else 2)


@pytest.mark.parametrize("file", ["x_plain", "x_comma", "x_csv", "x_tsv", "x_url"])
def test_the_spellings_of_one_set_say_the_same(file: str) -> None:
    found = read_exclusions(CASES / file)
    assert found == Exclusions(frozenset({106481, 110374, 11778321, 1194523}), frozenset(), 4)


def test_a_set_of_names_a_line_is_a_set_of_names() -> None:
    found = read_exclusions(CASES / "x_jsonl.jsonl")
    assert (found.entries, found.ids, len(found.texts)) == (4, frozenset(), 4)
    assert found.holds("Alan Rickman")


@pytest.mark.parametrize(
    "text",
    [
        "Paris, the capital of France, is\nBern, Switzerland",
        "subject\nParis, the capital of France, is\nBern, Switzerland\n",
        'prompt,answer\n"Paris, the capital of France, is",x\n"Bern, Switzerland",y\n',
    ],
)
def test_names_and_prompts_may_hold_commas(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert found.texts == {"paris, the capital of france, is", "bern, switzerland"}
    assert found.entries == 2


def test_the_keys_of_popqa_are_known(tmp_path: Path) -> None:
    record = {
        "id": 0, "subj": "George Rankin", "obj": "politician", "subj_id": 1850297, "s_uri": f"{ADDRESS}",
        "o_uri": "http://www.wikidata.org/entity/Q82955", "question": "What is George Rankin's occupation?",
        "possible_answers": '["politician"]',
    }  # fmt: skip
    for text in (json.dumps([record]), json.dumps(record) + "\n" + json.dumps(record)):
        found = read(tmp_path, text)
        assert found.ids == {42}
        assert found.texts == {"george rankin", "what is george rankin's occupation"}


def test_the_keys_of_mquake_are_known(tmp_path: Path) -> None:
    record = {
        "case_id": 1,
        "requested_rewrite": [
            {
                "prompt": "{} speaks",
                "relation_id": "P1412",
                "target_new": {"str": "Irish", "id": "Q9142"},
                "subject": "Ada Rooke",
                "question": "What does Ada Rooke speak?",
            }
        ],
        "questions": ["Where is the tongue of Ada Rooke spoken?", "Where do people speak as she does?"],
        "new_single_hops": [{"question": "What is spoken?", "cloze": "Spoken is", "answer": "Irish"}],
        "orig": {"edit_triples": [["Q42", "P1412", "Q9142"]], "new_triples": [["Q43", "P1412", "Q9142"]]},
    }
    found = read(tmp_path, json.dumps([record]))
    assert found.ids == {42}
    for text in (*record["questions"], "Ada Rooke", "What does Ada Rooke speak?", "Spoken is"):  # type: ignore[misc]
        assert found.holds(str(text))
    assert not found.holds("Irish")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", None),
        ("\n \n", None),
        ("[]", None),
        ("Q42\nQ043\n", "line 2"),
        ("Q42\n\nQ 43\n", "line 3"),
        ("Q42\nq043\n", "line 2"),
        ('Ada\n"\n', "line 2"),
        ("Ada\n''\n", "line 2"),
        ("Q42\nhttps://example.org/people\n", "line 2"),
        ("Q42\nHTTPS://example.org/people\n", "line 2"),
        ("Q42\nhttps://www.wikidata.org/wiki/Property:P31\n", "line 2"),
        ("item,label\nQ42,x\n,y\n", None),
        ("item,note\nQ42,x\nnobody,y\n", "line 3"),
        ('[{"subject": "Ada"}, {"answer": "x"}]', "entry 2"),
        ('{"subject": "Ada"}\n{"answer": "x"}\n', "line 2"),
        ("[1, 2]", "entry 1"),
        ("Ada Rooke\tpainter\nFinn Moss\tpoet\n", "line 1"),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_place(text: str, where: str | None, tmp_path: Path) -> None:
    if text.startswith("item,label"):  # the label of a row without an id
        assert read(tmp_path, text).texts == {"y"}
        return
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert "Known are" in caught.value.remedy
    assert caught.value.where == (f"{tmp_path / 'exclude'}, {where}" if where else str(tmp_path / "exclude"))


def test_a_byte_order_mark_does_not_hide_the_first_line(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeffQ42\nQ43\n").ids == {42, 43}
    assert read(tmp_path, '\ufeff[{"subject_id": "Q42"}]').ids == {42}


# JSON


@pytest.mark.parametrize("path", EXPORTED)
def test_a_file_of_ours_keeps_its_edits_out_of_another_release(path: str, tmp_path: Path) -> None:
    records = EXPORTED[path]
    assert records
    write_json(records, tmp_path / "exclude.json")
    exclusions = read_exclusions(tmp_path / "exclude.json")
    exported = {str(record["subject"]) for record in records}
    edits = [edit for edit in EDITS if edit["category"] != "robust"]
    kept, drops = assign_splits(
        edits, partial(claims_of, subgraph=Subgraph({}, (), TEMPLATES)), exclusions, 1, SHARES, ROOMY
    )
    assert exported.isdisjoint(edit["subject"] for edit in kept)
    assert any(drop.reason == "excluded" for drop in drops)


@pytest.mark.parametrize("path", EXPORTED)
def test_even_without_its_subjects_a_file_keeps_its_prompts_out(path: str, tmp_path: Path) -> None:
    records = [{key: value for key, value in record.items() if key != "subject"} for record in EXPORTED[path]]
    write_json(records, tmp_path / "exclude.json")
    exclusions = read_exclusions(tmp_path / "exclude.json")
    prompts = {str(record.get("prompt", record.get("src"))) for record in records}
    assert all(map(exclusions.holds, prompts))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({"subject": "Ada Rooke"}, id="flat"),
        pytest.param({"subject": "Ada Rooke", "src": "Who?", "alt": "x", "answers": ["y"]}, id="MEND zsRE"),
        pytest.param({"requested_rewrite": {"prompt": "{} is", "subject": "Ada Rooke"}}, id="ROME CounterFact"),
        pytest.param({"requested_rewrite": [{"subject": "Ada Rooke"}], "questions": ["x"]}, id="MQuAKE"),
        pytest.param({"concept": "ada rooke", "text": "A passage"}, id="WikiBio"),
        pytest.param({"ent": "Ada Rooke", "pos": ["x"]}, id="ConvSent"),
        pytest.param({"K_F": [{"question": "Ada Rooke"}]}, id="Sanitation"),
        pytest.param({"a1": {"edit": {"prompt": "x", "subject": "Ada Rooke"}}}, id="UniEdit"),
        pytest.param({"rephrase": "Ada Rooke?"}, id="a rephrase"),
    ],
)
@pytest.mark.parametrize("as_list", [True, False], ids=["in a list", "alone"])
def test_subjects_and_prompts_are_found_at_any_depth(record: dict[str, object], as_list: bool, tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps([record] if as_list else record)).holds("Ada Rooke")


def test_ids_stand_under_subject_keys_too(tmp_path: Path) -> None:
    found = read(tmp_path, json.dumps([{"edit": {"subject_id": "Q42", "target_id": "Q43"}}]))
    assert found.ids == {42}


def test_answers_targets_and_locality_answers_are_no_exclusions(tmp_path: Path) -> None:
    record = {
        "target_new": "Lowmere",
        "ground_truth": "Greenport",
        "locality_ground_truth": "Saltholm",
        "cond": "a >> b",
    }
    assert not read(tmp_path, json.dumps([record | {"subject": "Ada"}])).texts - {"ada"}


# Files that cannot be read


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'[{"subject": "Ada"', "not JSON"),
        (b'{"subject": "Ada"}\n{"subject": "Finn"\n', "not JSON"),
        (b"Ada\xff", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_by_name(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "exclude.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        read_exclusions(path)
    assert caught.value.where == str(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read.*Check --exclude"):
        read_exclusions(tmp_path / "nowhere.txt")
