"""In which batches encoded sentences go through a model: equal lengths together, so that nothing is padded."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

_BUSY = 8  # a batch of this fraction of the greatest size is no slower for its size


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


class Tree(NamedTuple):
    """Who sees whom in rows that are trees and not sequences; each field is rows x width.

    Nodes are numbered so that those below a node come right after it: `order` is a node's own number, `end` the first
    number that is no longer below it. A node sees itself and the nodes it is below.
    """

    positions: list[list[int]]  # how many tokens come before the node in its sentence
    order: list[list[int]]
    end: list[list[int]]


class Batch(NamedTuple):
    """Rows that go through a model at once, and what is to be read off.

    The model predicts after the last `kept` inputs of each row; `rows` counts through all these predictions.
    """

    items: Sequence[Encoded]
    inputs: Sequence[Sequence[int]]  # rows x width
    kept: int
    rows: list[int]  # of the prediction of each target
    targets: list[int]  # tokens whose log-likelihood is wanted
    places: Sequence[Sequence[int]]  # for each item those of its targets
    tree: Tree | None = None  # None: rows are sequences, and the model's own causal mask holds
    padding: int = 0  # inputs that fill rows up

    @property
    def tokens(self) -> int:
        """How many tokens the model reads, padding included."""
        return len(self.inputs) * len(self.inputs[0])

    @property
    def predictions(self) -> int:
        """How many distributions over the vocabulary the model makes."""
        return len(self.inputs) * self.kept


def plan_batches(encoded: Iterable[Encoded], max_inputs: int, max_scored: int) -> Iterator[list[Encoded]]:
    """Put sentences into batches of one length, the longest first, so that a lack of memory shows at once.

    Rows of one length need neither padding nor a mask, and a row of such a batch is computed as if it were alone. The
    batches follow from the sentences alone and not from their order.

    Args:
        encoded: The sentences, each once.
        max_inputs: Tokens that a batch may read. A sentence that has more goes alone.
        max_scored: Positions that a batch may predict at; every row predicts at as many as its longest name needs.

    >>> sentences = [Encoded((9, 1, 2), 1), Encoded((9, 1, 2, 3), 2), Encoded((9, 4, 5), 1)]
    >>> [[item.ids for item in batch] for batch in plan_batches(sentences, 4, 8)]
    [[(9, 1, 2, 3)], [(9, 1, 2), (9, 4, 5)]]
    """
    in_order = sorted(encoded, key=lambda item: (-item.inputs, -item.scored, item.ids))
    for inputs, bucket in groupby(in_order, key=attrgetter("inputs")):
        batch: list[Encoded] = []
        for item in bucket:
            kept = batch[0].scored if batch else item.scored
            is_full = (len(batch) + 1) * inputs > max_inputs or (len(batch) + 1) * kept > max_scored
            # A shorter name begins another batch, if this one keeps the hardware busy, and saves itself predictions.
            is_done = item.scored < kept and len(batch) * inputs * _BUSY >= max_inputs
            if batch and (is_full or is_done):
                yield batch
                batch = []
            batch.append(item)
        yield batch


def of_one_length(items: Sequence[Encoded]) -> Batch:
    """The batch of sentences of one length, a row each.

    >>> batch = of_one_length([Encoded((9, 1, 2), 1), Encoded((9, 4, 5), 2)])
    >>> batch.inputs, batch.kept, batch.rows, batch.targets, batch.places
    ([(9, 1), (9, 4)], 2, [1, 2, 3], [2, 4, 5], [range(0, 1), range(1, 3)])
    """
    kept = max(item.scored for item in items)
    rows: list[int] = []
    targets: list[int] = []
    places: list[range] = []
    for row, item in enumerate(items):
        places.append(range(len(targets), len(targets) + item.scored))
        rows += range((row + 1) * kept - item.scored, (row + 1) * kept)
        targets += item.ids[-item.scored :]
    return Batch(items, [item.ids[:-1] for item in items], kept, rows, targets, places)
