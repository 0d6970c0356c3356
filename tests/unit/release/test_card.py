"""The card: no number typed by hand, no column or code left unexplained, and front matter that `datasets` takes."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.core.manifest import CheckRecord, ExportRecord, InputRecord, Manifest
from pipeline.core.reasons import BY_STAGE
from pipeline.core.resources import data_cards_folder
from pipeline.core.settings import load_settings
from pipeline.edits.splits import SPLITS
from pipeline.release.audit.faults import load_faults
from pipeline.release.audit.rates import summarize
from pipeline.release.audit.verdicts import Verdict
from pipeline.release.card import make_card, render
from pipeline.release.charts import CHARTS
from pipeline.release.exports.parquet import write_parquet
from tests.manifests import CATEGORIES, large_edits, large_manifest, make_manifest
from tests.samples import EDITS

PNGS = [f"{name}.png" for name in CHARTS]
TEMPLATE = (data_cards_folder() / "dataset.md").read_text(encoding="utf-8")
CARD = make_card(make_manifest(), PNGS)

DIGITS_ALLOWED = (
    r"arxiv\.org/abs/\d{4}\.\d{5}",  # arXiv ids
    r"(?m)^ *year +=.*$",  # years of citations
    r"ACL 2024",
    r"\{(zhang|cohen)2024\w+,",  # BibTeX keys
    r"CC0|publicdomain/zero/1\.0",
    r"run_knowedit_llama2\.py",
)


def front_matter(card: str) -> dict[str, Any]:
    _, yaml_text, _ = card.split("---\n", 2)
    return yaml.safe_load(yaml_text)


def section(card: str, title: str) -> str:
    """What stands under a heading."""
    return card.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def without(*categories: str, **fields: object) -> str:
    """The card of a release without some categories."""
    rows = {name: splits for name, splits in make_manifest().rows.items() if name not in categories}
    return make_card(make_manifest(rows=rows, counts=(), **fields), [])


# The prose


def test_no_number_is_typed_by_hand() -> None:
    prose = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", TEMPLATE)
    for allowed in DIGITS_ALLOWED:
        prose = re.sub(allowed, "", prose)
    assert re.findall(r".*\d.*", prose) == []


@pytest.mark.parametrize("word", ["one hundred", "dozen", "twenty", "million", "half of"])
def test_no_number_hides_in_a_word(word: str) -> None:
    assert word not in TEMPLATE.lower()


def test_every_number_of_a_card_follows_the_manifest() -> None:
    # Two manifests that share no number give cards whose tables share none, apart from zero.
    def numbers(card: str) -> set[str]:
        cells = re.findall(r"(?<=\| )[\d,.%]+(?= \|)", card)
        return set(cells) - {"0"}

    edits = large_edits()
    other = make_card(large_manifest(edits), PNGS)
    assert len(numbers(CARD)) > 15
    assert len(numbers(CARD) & numbers(other)) < len(numbers(CARD)) / 2


def test_nothing_of_the_template_is_left() -> None:
    assert not re.search(r"\{\{|\}\}|\{%|%\}", CARD)
    assert not re.search(r"\n{3,}| $|\(\)|\bNone\b", CARD, re.MULTILINE)


def test_the_card_speaks_of_its_release() -> None:
    assert "# Knowledge edits from Wikidata, v2026.09.14\n" in CARD
    assert "12 edit requests" in CARD
    assert "of\n2026-09-07 and 2026-09-14" in CARD
    assert "seed (20240811)" in CARD
    assert "Of 640 statements of these relations, 410 pass" in CARD
    assert "EleutherAI/pythia-70m-deduped gives it (revision e93a9faa9c77, float32)" in CARD
    assert "Brother, sister, stepfather and stepmother are retired" in CARD


def test_headings_are_where_the_contents_point() -> None:
    anchors = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", CARD, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", CARD)) == anchors


def test_tables_have_as_many_cells_in_every_row() -> None:
    for table in re.findall(r"(?:^\|.*\|\n)+", CARD, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(widths) == 1, table


def test_snippets_of_python_are_python() -> None:
    snippets = re.findall(r"```python\n(.*?)```", CARD, re.DOTALL)
    assert len(snippets) == 4
    for snippet in snippets:
        ast.parse(snippet)


# Parts that hold of some releases only


def test_only_a_sample_is_called_a_demonstration() -> None:
    assert "demonstration" not in CARD
    card = make_card(make_manifest(source="sample"), PNGS)
    assert "> **This is a demonstration.**" in card.split("\n## ")[0]


def test_a_release_of_one_state_says_nothing_of_changes() -> None:
    card = without("recent", window_start=None, changes={})
    assert "read off the state of Wikidata of\n2026-09-14" in card
    for word in ("Comparing", "two states of", "Recent", "| recent |"):
        assert word not in card


def test_a_release_that_nobody_read_says_so() -> None:
    assert "No reader has recorded what is wrong with these rows." in CARD
    assert "verdicts.json" not in CARD


def test_what_readers_found_is_shown_with_intervals() -> None:
    edits = large_edits(40)
    read = edits[:20]
    verdicts = {
        edit["case_id"]: Verdict(frozenset({"harmful"} if n == 0 else ()), (), ("Ada",)) for n, edit in enumerate(read)
    }
    summary = summarize(edits, verdicts, load_faults(), stale=7)
    card = make_card(make_manifest(edits, audit=summary), [])
    assert "Readers judged 20 rows one by one: Ada (20)." in card
    assert "ends of the 95% interval" in card
    assert "| category | rows | read | faulty | in percent | hard | in percent |" in card
    assert "| Harmful: A falsehood that can hurt a real person or group. | yes | " in card
    assert "7 verdicts do not count" in card
    assert "The shares stand for the others:" in card
    assert "No reader has recorded" not in card
    assert not re.search(r"\n{3,}| $", card, re.MULTILINE)


def test_a_release_without_popular_edits_has_no_counterfactuals() -> None:
    card = without("popular", pageviews={})
    assert "Counterfactual targets" not in card
    assert "**Popular**" not in card


def test_a_release_without_a_model_claims_no_semantic_tail() -> None:
    card = make_card(make_manifest(model=None), [])
    assert "Likelihood is" not in card
    assert "*semantic*" not in card


def test_a_release_without_long_tail_has_no_thresholds() -> None:
    card = without("long_tail")
    assert "| measure |" not in card
    assert "**Long tail**" not in card


def test_what_was_excluded_is_told() -> None:
    assert "Nothing was excluded" in CARD
    inputs = (InputRecord(role="exclude", file="zsre_eval.json", bytes=5, sha256="0" * 64),)
    card = make_card(make_manifest(inputs=inputs), [])
    assert "Nothing was excluded" not in card
    assert "`zsre_eval.json`" in section(card, "Provenance")


def test_what_is_held_of_living_people_is_told() -> None:
    told = section(CARD, "Personal data")
    assert "Statements on sexual orientation, religion and ethnic group are left out" in told.replace("\n", " ")
    settings = load_settings()
    screening = settings.screening.model_copy(update={"allow_sensitive_living": True})
    card = make_card(make_manifest(settings=settings.model_copy(update={"screening": screening})), [])
    assert "of living people, which its makers chose to include" in section(card, "Personal data").replace("\n", " ")


def test_lines_that_could_not_be_read_are_told() -> None:
    assert "could not be read" not in CARD
    dump = make_manifest().dump.model_copy(update={"unreadable": 1_234})
    assert "1,234 lines could not be read" in make_card(make_manifest(dump=dump), [])


def test_figures_are_shown_where_they_were_drawn() -> None:
    assert sorted(re.findall(r"!\[.+\]\(figures/(\w+)\.png\)", CARD)) == sorted(CHARTS)
    assert "![" not in make_card(make_manifest(), [])


def test_a_figure_that_the_prose_has_no_place_for_is_refused() -> None:
    with pytest.raises(UsageError, match="figure_pie"):
        make_card(make_manifest(), ["pie.png"])


# Tables


def test_the_columns_stand_in_the_card_with_their_types() -> None:
    told = section(CARD, "Columns")
    assert "| `answers` | list of list of string | Everything that is true" in told
    assert "| `first_seen` | time, UTC |" in told
    assert "| `frequency` | int64 |" in told
    table = told.split("| part |")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == schema.RELEASE.names


def test_rows_are_counted_by_category_and_split() -> None:
    assert "| popular | 2 | 1 | 1 | 4 |\n" in CARD
    assert "| **all** | 6 | 2 | 4 | 12 |\n" in CARD


def test_changes_and_thresholds_are_told() -> None:
    told = section(CARD, "How it was made")
    assert "| `late_entry` | a statement came about a fact that is older than the window | 25 |" in told
    assert "| `frequency` |  |  | 321 | 17 | 80.7% |" in told
    assert "| `log_likelihood_per_byte` | neutral | up to 12 | 180 | -1.25 | 80.0% |" in told
    assert "| `log_likelihood_per_byte` | neutral | 13 or more | 120 | -0.85 | 80.8% |" in told
    assert "| all | neutral | 300 | 40 | 150 | 0.81 | 0.84 | 0.25 |  |" in told


def test_the_tiny_model_is_told_to_be_a_stand_in() -> None:
    assert "stand-in" not in CARD
    tiny = make_manifest().model
    assert tiny is not None
    told = make_card(make_manifest(model=tiny.model_copy(update={"name": "editmill-tiny"})), [])
    assert "**editmill-tiny is a stand-in.**" in told


def test_relations_are_told_by_name_most_frequent_first() -> None:
    rows = re.findall(r"^\| \[(.+?)\]\(.*?:(P\d+)\) \| (.*) \|$", section(CARD, "Relations and domains"), re.MULTILINE)
    assert len(rows) == 48
    assert rows[0] == ("capital", "P36", "0 | 2 | 0 | 1")
    assert ("anthem", "P85", "0 | 0 | 0 | 0") in rows


def test_checks_are_told_with_their_outcome() -> None:
    checks = (
        CheckRecord(name="texts_sound", required=True, looked_at=12, failures=0),
        CheckRecord(name="training_groups_filled", required=False, looked_at=12, failures=1),
        CheckRecord(name="check_of_another_version", required=True, looked_at=12, failures=0),
    )
    told = section(make_card(make_manifest(checks=checks), []), "Checks")
    assert "| `texts_sound` | No text is empty" in told
    assert "| 1 failure (not required) |" in told
    assert "| `check_of_another_version` |  | passed |" in told


def test_drops_are_told_with_what_their_codes_mean() -> None:
    told = section(CARD, "What was dropped")
    assert "| `subject_type` | the subject is of no type that the relation takes | 200 |" in told
    assert "| selection | `subject_quota` | the subject has given as many facts as it may | 0 | 2 | 0 | 0 |" in told


def test_every_reason_of_a_large_release_is_explained() -> None:
    told = section(make_card(large_manifest(large_edits(12)), []), "What was dropped")
    for reasons in BY_STAGE.values():
        for reason, about in reasons.items():
            assert f"`{reason}` | {about} |" in told


def test_a_release_in_which_nothing_was_dropped_has_a_card() -> None:
    card = make_card(make_manifest(counts=()), [])
    assert "Of 0 statements" in card


def test_exports_are_told_with_what_they_lack() -> None:
    exports = {
        "dafset/recent.json": ExportRecord(records=1_234, left_out={}),
        "zsre/zsre_mend_train.json": ExportRecord(records=7, left_out={"no_prompt": 3, "no_rephrase": 2}),
    }
    told = section(make_card(make_manifest(exports=exports), []), "How to load it")
    assert "| `dafset/recent.json` | 1,234 |  |" in told
    assert "| `zsre/zsre_mend_train.json` | 7 | no prompt 3 · no rephrase 2 |" in told
    assert "- *no rephrase*: the edit has no rephrase in the form of the file." in told


def test_every_exported_file_that_a_snippet_opens_is_exported() -> None:
    files = set(make_manifest().exports)
    opened = re.findall(r"exports/([\w/]+\.json)", CARD)
    assert opened and set(opened) <= files


def test_the_snippet_for_easyedit_opens_a_file_with_records() -> None:
    exports = {
        "knowedit/wiki_recent/recent_test.json": ExportRecord(records=0, left_out={}),
        "knowedit/wiki_counterfact/test_cf.json": ExportRecord(records=5, left_out={}),
    }
    card = make_card(make_manifest(exports=exports), [])
    assert 'KnowEditDataset(f"{release}/exports/knowedit/wiki_counterfact/test_cf.json")' in card
    assert "--datatype counterfact" in card
    assert "KnowEditDataset(" not in make_card(make_manifest(exports={}), [])


# The front matter


def test_the_front_matter_is_what_the_hub_wants() -> None:
    found = front_matter(CARD)
    assert found["license"] == "cc0-1.0"
    assert found["language"] == ["en"]
    assert found["size_categories"] == ["n<1K"]
    assert found["pretty_name"] == "Knowledge edits from Wikidata, v2026.09.14"
    assert [config["config_name"] for config in found["configs"]] == list(CATEGORIES)
    assert [config.get("default") for config in found["configs"]] == [True, None, None, None]
    assert found["configs"][0]["data_files"][0] == {"split": "train", "path": "data/recent/train-*.parquet"}


def test_the_front_matter_lists_no_split_without_rows() -> None:
    # `datasets` refuses to load a configuration with such a split.
    splits = {
        config["config_name"]: [part["split"] for part in config["data_files"]]
        for config in front_matter(CARD)["configs"]
    }
    assert splits == {
        "recent": ["train", "validation", "test"],
        "popular": ["train", "validation", "test"],
        "long_tail": ["train", "test"],
        "robust": ["train", "test"],
    }


@pytest.mark.parametrize(
    ("rows", "size"),
    [(999, "n<1K"), (1_000, "1K<n<10K"), (40_000, "10K<n<100K"), (999_999, "100K<n<1M"), (10**7, "10M<n<100M")],
)
def test_the_size_category_follows_the_rows(rows: int, size: str) -> None:
    card = make_card(make_manifest(rows={"recent": {"train": rows}}), [])
    assert front_matter(card)["size_categories"] == [size]


def test_the_default_configuration_is_the_first_with_rows() -> None:
    rows = {"recent": {"train": 0}, "popular": {"train": 3}}
    card = make_card(make_manifest(rows=rows), [])
    assert [config.get("default") for config in front_matter(card)["configs"]] == [True]
    assert 'load_dataset(release, "popular", split="train")' in card


def test_the_card_lists_what_is_not_written_and_names_no_absent_split() -> None:
    rows = {"recent": {"train": 0, "validation": 0, "test": 2}, "popular": {"train": 0, "validation": 0, "test": 0}}
    exports = {"zsre/zsre_mend_eval.json": ExportRecord(records=0, left_out={"answer_kept": 5})}
    card = make_card(make_manifest(rows=rows, exports=exports), [])
    files = [file["split"] for config in front_matter(card)["configs"] for file in config["data_files"]]
    assert files == ["test"]
    assert 'load_dataset(release, "recent", split="test")' in card
    for told in (
        "`data/popular`",
        "`data/recent/train`",
        "`exports/zsre/zsre_mend_eval.json` (edits left out: answer kept 5)",
    ):
        assert f"- {told}" in card
    assert "**Not written**" not in make_card(make_manifest(rows={"recent": {"train": 1}}), [])


def test_the_card_trains_dafnet_on_the_files_that_there_are() -> None:
    assert "--datasets zsre-cf-long_tail-popular-recent-robust\n" in CARD
    full = make_manifest().exports
    without = {**full, "dafset/recent.json": ExportRecord(records=0, left_out={})}
    assert "--datasets zsre-cf-long_tail-popular-robust\n" in make_card(make_manifest(exports=without), [])


def test_the_card_shows_the_digest_of_the_manifest() -> None:
    manifest = make_manifest()
    assert f"The manifest's digest is `{manifest.digest}`" in make_card(manifest, [])


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample edits as a release has them, and the card."""
    folder = tmp_path_factory.mktemp("release")
    for category in CATEGORIES:
        write_parquet(EDITS, category, folder / "data" / category)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder


@pytest.mark.parametrize("category", CATEGORIES)
def test_datasets_takes_every_configuration_of_the_card(release: Path, category: str, tmp_path: Path) -> None:
    found = datasets.load_dataset(str(release), category, cache_dir=str(tmp_path))
    assert found.keys() <= set(SPLITS)
    cases = {(edit["split"], edit["case_id"]) for edit in EDITS if edit["category"] == category}
    assert {(split, case) for split, rows in found.items() for case in rows["case_id"]} == cases
    assert found["train"].column_names == schema.RELEASE.names


def test_the_snippets_that_load_do_load(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    first, second, *_ = re.findall(r"```python\n(.*?)```", CARD, re.DOTALL)
    names: dict[str, Any] = {}
    exec(first.replace("path/to/this/folder", str(release)), names)
    assert names["edits"]["case_id"][:] == ["recent-0001"]
    exec(second, names)
    assert sorted(names["edits"]["case_id"]) == ["recent-0001", "recent-0002", "recent-0003"]


@pytest.mark.parametrize(("category", "split"), [("popular", "test"), ("recent", "validation"), ("robust", "train")])
def test_the_first_example_of_the_project_works_whatever_a_release_lacks(
    category: str, split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits = [edit for edit in EDITS if (edit["category"], edit["split"]) == (category, split)]
    folder = tmp_path / "releases" / "v2021.07.02"
    for name in CATEGORIES:
        write_parquet(edits, name, folder / "data" / name)
    (folder / "README.md").write_text(make_card(make_manifest(edits), []), encoding="utf-8")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0], names)
    assert names["edit"]["case_id"] in {edit["case_id"] for edit in edits}


# The renderer


def test_slots_are_filled_with_values_and_their_attributes() -> None:
    template = "{{ name }}: {{ release }}, {{ dump.statements }} statements\n"
    slots = {"name": "{{ release }}", "release": "v2026.09.14", "dump": make_manifest().dump}
    assert render(template, slots) == "{{ release }}: v2026.09.14, 5,432 statements\n"


def test_nothing_is_escaped() -> None:
    assert render("{{ text }}", {"text": "<b> & 'c'"}) == "<b> & 'c'"


def test_a_line_that_holds_a_condition_alone_leaves_no_line() -> None:
    template = "a{% if yes %} b{% else %} c{% endif +%}\n{% if no %}\nd\n{% else %}\ne\n{% endif %}\ng\n"
    assert render(template, {"yes": True, "no": False}) == "a b\ne\ng\n"


def test_a_table_without_rows_leaves_one_blank_line() -> None:
    assert render("a\n\n{{ table }}\n\nb\n", {"table": ""}) == "a\n\nb\n"


@pytest.mark.parametrize(
    ("template", "slots", "message"),
    [
        ("{{ unknown }}", {}, "Nothing fills the slot unknown"),
        ("{% if no %}{{ unknown }}{% endif %}", {"no": False}, "Nothing fills the slot unknown"),
        ("{{ settings.popular.unknown }}", {"settings": load_settings()}, "Nothing fills the slot unknown in line 1"),
        (
            "{% if no %}{{ settings.unknown.heads }}{% endif %}",
            {"no": False, "settings": load_settings()},
            "Nothing fills the slot unknown in line 1",
        ),
        ("text", {"unused": "x"}, "no slot for unused"),
        ("a\n{% if open %} text", {"open": True}, "Line 2 of the card is not valid Jinja2"),
        ("text {% endif %}", {}, "Line 1 of the card is not valid Jinja2"),
    ],
)
def test_a_template_that_does_not_fit_is_refused(template: str, slots: Mapping[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        render(template, slots)


def test_the_same_manifest_gives_the_same_card() -> None:
    manifest: Manifest = Manifest.model_validate_json(make_manifest().to_json())
    assert make_card(manifest, PNGS) == CARD
