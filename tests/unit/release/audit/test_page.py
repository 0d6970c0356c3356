"""The rows as a page and as text: everything that a reader judges, and no label that is taken for code."""

import re
from html.parser import HTMLParser
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.edit_record import Edit
from pipeline.core.errors import UsageError
from pipeline.core.manifest import VisitRecord
from pipeline.language.templates import load_templates
from pipeline.release.audit import faults
from pipeline.release.audit.cards import Background, Card, make_card
from pipeline.release.audit.page import blank, in_numbers, to_html, to_text
from pipeline.release.audit.verdicts import words_hash
from tests.manifests import make_manifest
from tests.samples import EDITS, POPULAR_TRAIN, POPULAR_TWO_HOPS, RECENT_TRAIN, ROBUST_TRAIN, changed

FAULTS = faults.load_faults()
MANIFEST = make_manifest(EDITS)
RELATIONS = load_templates().relations
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onclick="x',
    "\u2028",
    "]]>",
    "&lt;",
)


class Read(HTMLParser):
    """What a browser would see: tags, their attributes, and the text of each row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.rows: list[str] = []
        self._is_row = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag begins."""
        given = dict(attrs)
        self.tags.append(tag)
        assert not [name for name in given if name.startswith("on")]
        if tag == "article" and "data-case" in given:
            self.rows.append("")
            self._is_row = True
        if tag == "a":
            self.links.append(given["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        """A tag ends."""
        self._is_row = self._is_row and tag != "article"

    def handle_data(self, data: str) -> None:
        """Text within a tag."""
        if self._is_row:
            self.rows[-1] += data


def background(source: str = "dump", **fields: Any) -> Background:
    statements = {
        (edit["subject_id"], edit["path"][0]["relation_id"]): [(edit["path"][0]["object_id"], "Anna", "Q1$2-3")]
        for edit in EDITS
    }
    manifest = MANIFEST.model_copy(update={"source": source, **fields})
    return Background(manifest, RELATIONS, statements)


def card(edit: Edit, source: str = "dump", **fields: Any) -> Card:
    return make_card(edit, background(source, **fields))


def page(*cards: Card) -> str:
    return to_html(cards, FAULTS, "v1", "d1")


def flat(text: str) -> str:
    """A text without what a browser does not show: how blanks are arranged."""
    return re.sub(r"\s+", " ", text)


# Everything is there


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit["case_id"])
def test_a_page_and_a_text_hold_all_that_a_reader_judges(edit: Edit) -> None:
    texts = [edit["prompt"], edit["target_new"], edit["question"], *edit["question_rephrases"], *edit["rephrases"]]
    texts += [edit["subject"], *edit["subject_aliases"], *edit["target_new_aliases"]]
    texts += [name for names in edit["answers"] for name in names]
    for probe in (*edit["locality"], *edit["portability"]):
        texts += [probe["prompt"], probe["question"], *(name for names in probe["ground_truth"] for name in names)]
    texts += [prefix["text"] for prefix in edit["prefixes"]]
    for form in edit["length_forms"]:
        texts += [
            form["rephrase"],
            form["locality_prompt"],
            *(n for names in form["locality_ground_truth"] for n in names),
        ]
    (row,) = Read(page(card(edit))).rows
    plain = to_text([card(edit)], FAULTS)
    assert [text for text in texts if flat(text) not in flat(row)] == []
    assert [text for text in texts if text not in plain] == []


def test_a_reader_is_told_what_is_true_and_what_is_not() -> None:
    assert card(changed(POPULAR_TRAIN, change_class=None)).claim == "False on purpose. True: Greenport."
    recent = card(changed(RECENT_TRAIN, change_class="world_change", ground_truth="Bruno Hald")).claim
    assert recent.startswith("New within the window ")
    assert "as world change. Before: Bruno Hald. True now: " in recent


def test_other_names_are_shown_where_a_thing_is_named_first() -> None:
    answer = [["Harrow Press", "Harrow"]]
    lines = to_text([card(changed(ROBUST_TRAIN, answers=answer, length_forms=[]))], []).splitlines()
    assert [line.strip() for line in lines if "= Harrow" in line] == ["[true] Harrow Press = Harrow"]


def test_evidence_leads_to_item_property_statement_and_revisions() -> None:
    edit = changed(POPULAR_TRAIN, base_revision=10, head_revision=12)
    links = Read(page(card(edit))).links
    subject, relation = edit["subject_id"], edit["relation_id"]
    wiki = "https://www.wikidata.org/wiki"
    assert {
        f"{wiki}/{subject}",
        f"{wiki}/Property:{relation}",
        f"{wiki}/{subject}#Q1$2-3",
        f"{wiki}/{edit['path'][0]['object_id']}",
        f"{wiki}/Special:PermanentLink/12",
        f"{wiki}/Special:Diff/10/12",
    } <= set(links)


def test_made_up_revisions_and_other_wikis_have_no_links() -> None:
    edit = changed(POPULAR_TRAIN, base_revision=10, head_revision=12)
    assert not [link for link in Read(page(card(edit, "sample"))).links if "Special:" in link]
    moment = MANIFEST.window_end
    visit = VisitRecord.model_validate(
        {"wiki": "example.org", "start": moment, "end": moment, "gaps": (), "counts": {}}
    )
    elsewhere = card(edit, "live", visit=visit)
    assert Read(page(elsewhere)).links == []
    assert edit["subject_id"] in page(elsewhere)


def test_both_hops_are_shown_with_the_item_between_them() -> None:
    evidence = next(one for one in card(POPULAR_TWO_HOPS).sections if one.title == "Evidence")
    assert evidence.lines[0].answers[0].text == "Anna"


def test_a_text_names_rows_by_what_a_verdict_needs() -> None:
    text = to_text([card(POPULAR_TRAIN)], FAULTS)
    assert f"{POPULAR_TRAIN['case_id']} {words_hash(POPULAR_TRAIN)}" in text
    assert [line for line in text.splitlines() if line.startswith("  false:")]


def test_a_file_to_fill_in_has_every_row_and_no_verdict() -> None:
    rows = blank([card(edit) for edit in EDITS], "v1").verdicts
    assert [(row.case_id, row.words, row.faults) for row in rows] == [
        (edit["case_id"], words_hash(edit), None) for edit in EDITS
    ]


def test_rows_are_told_in_numbers() -> None:
    assert in_numbers([card(POPULAR_TRAIN), card(POPULAR_TWO_HOPS), card(RECENT_TRAIN)]) == "2 popular, 1 recent"
    assert in_numbers([]) == "No rows"


# Nothing is taken for code


@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=12), min_size=12, max_size=12))
@settings(max_examples=50, deadline=None)  # it makes two pages
def test_a_label_is_never_code(labels: list[str]) -> None:
    texts = iter(labels)
    edit = changed(
        POPULAR_TRAIN,
        **{
            name: f"a{next(texts)}" for name in ("case_id", "subject", "prompt", "target_new", "question", "subject_id")
        },
        subject_description=next(texts),
        subject_aliases=[next(texts)],
        answers=[[next(texts), next(texts)]],
        rephrases=[next(texts)],
    )
    plain, hostile = Read(page(card(POPULAR_TRAIN))), Read(page(card(edit)))
    assert hostile.tags.count("script") == plain.tags.count("script") == 1
    assert set(hostile.tags) <= set(plain.tags) | {"i"}
    assert all(link.startswith("https://www.wikidata.org/wiki/") for link in hostile.links)
    assert flat(edit["prompt"].replace("\x00", "\ufffd")).strip() in flat(hostile.rows[0].replace("\x00", "\ufffd"))


def test_a_page_needs_nothing_from_elsewhere() -> None:
    text = page(card(POPULAR_TRAIN))
    assert not re.findall(r"""(?:src|@import|url\()\s*=?\s*["']?https?:""", text)
    assert "default-src 'none'" in text


# The kinds of fault


def test_kinds_have_codes_and_keys_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = (FAULTS[0], FAULTS[1].model_copy(update={"key": FAULTS[0].key}))
    monkeypatch.setattr(faults, "read_yaml", lambda *_: cast(Any, twice))
    faults.load_faults.cache_clear()
    try:
        with pytest.raises(UsageError, match="share a code or a key"):
            faults.load_faults()
    finally:
        faults.load_faults.cache_clear()
