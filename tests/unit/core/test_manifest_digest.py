"""The manifest's digest: it stays when the manifest is written and read, and nothing else in it can change unseen."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.core.manifest import (
    CARD,
    MANIFEST,
    AuditSummary,
    FileRecord,
    Manifest,
    StateRecord,
    VisitRecord,
    digest_of,
    read_manifest,
    sealed,
)
from tests.manifests import make_manifest

SEALED = make_manifest()
DAY = datetime(2026, 9, 14, tzinfo=UTC)


def test_the_digest_is_the_same_when_the_manifest_is_read_back(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(SEALED.to_json(), encoding="utf-8")
    assert digest_of(read_manifest(tmp_path)) == SEALED.digest == sealed(SEALED).digest


OTHERWISE: dict[str, object] = {
    "release": "v2026.09.15",
    "made_by": SEALED.made_by.model_copy(update={"code": "5eed"}),
    "source": "live",
    "inputs": (),
    "dump": SEALED.dump.model_copy(update={"items": 7}),
    "window_start": None,
    "window_end": None,
    "seed": 7,
    "settings": SEALED.settings.model_copy(update={"memory": "7GB"}),
    "model": None,
    "thresholds": (),
    "likelihood_auc": (),
    "pageviews": {},
    "odd_view_lines": {"fields": 7},
    "changes": {},
    "aliases": {},
    "counts": SEALED.counts[1:],
    "listed_drops": {"screening": 7},
    "rows": {},
    "relations": {},
    "domains": {},
    "recent": {"world_change": {"office": 7}},
    "exports": {},
    "states": {"newer": StateRecord(date=DAY, is_given=True, last_edit=DAY, items=7, beyond=0, repeated=0)},
    "hops": {"1": {"employer": 7}},
    "targets": {"popular": {"Paris": 7}},
    "empty": (),
    "visit": VisitRecord(wiki="Wikidata", start=DAY, end=DAY, gaps=(), counts={}),
    "audit": AuditSummary(readers={"ada": 7}, stale=0, categories=()),
    "checks": SEALED.checks[1:],
    "files": {CARD: SEALED.files[CARD]},
}


@pytest.mark.parametrize("field", sorted(Manifest.model_fields.keys() - {"digest"}))
def test_every_field_is_under_the_digest(field: str) -> None:
    assert digest_of(SEALED.model_copy(update={field: OTHERWISE[field]})) != SEALED.digest


def test_the_record_of_the_card_is_not_since_the_card_shows_the_digest() -> None:
    files = {**SEALED.files, CARD: FileRecord(bytes=7, sha256="7" * 64)}
    assert digest_of(SEALED.model_copy(update={"files": files})) == SEALED.digest
