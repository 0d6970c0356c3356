"""In which batches encoded sentences go through a model: equal lengths together, so that nothing is padded."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple


class Encoded(NamedTuple):
    """A sentence as a model reads it; two that differ only after the name are the same.

    A causal model scores a token from the tokens before it. So the sentence stops where the name does, and the last
    token is predicted but never read:

        ids     BOS  After Ġa ... Ġmentioned ĠAda ĠLov el
        inputs  [----------------------------------]
        scored                               [----------]
    """

    ids: tuple[int, ...]  # BOS, then all tokens up to the end of the name
    scored: int  # so many of the last ids are the name

    @property
    def inputs(self) -> int:
        """How many tokens the model reads."""
        return len(self.ids) - 1


def plan(encoded: Iterable[Encoded], max_inputs: int, max_scored: int) -> Iterator[list[Encoded]]:
    """Put sentences into batches of one length, the longest first, so that a lack of memory shows at once.

    Rows of one length need neither padding nor a mask, and a row of such a batch is computed as if it were alone. The
    batches follow from the sentences alone and not from their order.

    Args:
        encoded: The sentences, each once.
        max_inputs: Tokens that a batch may read. A sentence that has more goes alone.
        max_scored: Positions that a batch may predict at; every row predicts at as many as its longest name needs.

    >>> sentences = [Encoded((9, 1, 2), 1), Encoded((9, 1, 2, 3), 2), Encoded((9, 4, 5), 1)]
    >>> [[item.ids for item in batch] for batch in plan(sentences, 4, 8)]
    [[(9, 1, 2, 3)], [(9, 1, 2), (9, 4, 5)]]
    """
    in_order = sorted(encoded, key=lambda item: (-item.inputs, -item.scored, item.ids))
    for inputs, group in groupby(in_order, key=attrgetter("inputs")):
        bucket = list(group)
        place = 0
        while place < len(bucket):
            size = max(1, min(max_inputs // inputs, max_scored // bucket[place].scored))
            yield bucket[place : place + size]
            place += size
