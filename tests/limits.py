"""Limits of draws: room for everything, but for what a test makes narrow."""

from pipeline.core.settings import BalanceSettings
from pipeline.edits.draw import Limits

_WIDE = BalanceSettings(
    reserve=1, spare=1, relation_share=1, min_relation_rows=10_000, target_share=1, min_target_rows=10_000
)


def limits(size: int = 10_000, per_subject: int = 10_000, two_hop_share: float = 0.4, **balance: float) -> Limits:
    """Limits of one category; caps that are not given are wide."""
    return Limits(size, per_subject, two_hop_share, _WIDE.model_copy(update=balance))


ROOMY = {category: limits() for category in ("recent", "popular", "long_tail")}
