"""Batches in which a common beginning is read once: sentences as the branches of trees.

Templated sentences begin alike, and names share first tokens. A row holds a whole tree of them, one node a token:

    BOS - Yesterday - we - met - ĠAda - ĠLov - el
     |                        `- ĠAl - an          one row: each node sees the nodes on its own branch, and a
     `- ĠAda - Ġleft                               position says how deep it stands, not where in the row

A mask of its own and explicit positions make the model compute each node as if its branch were alone. That holds for
decoders whose attention is plain and full, and `loading.py` tries it out before it is used. Nodes may stand anywhere in
a row, so those with a prediction to make stand last, where the model is asked for its last so many predictions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.lm.batches import Batch, Encoded, Tree


@dataclass
class _Row:
    """A tree that grows branch by branch; branches must come in the order of their ids."""

    tokens: list[int] = field(default_factory=list[int])
    depths: list[int] = field(default_factory=list[int])
    branch: list[int] = field(default_factory=list[int])  # the nodes of the last item, from the root on
    predicting: dict[int, int] = field(default_factory=dict[int, int])  # node -> its number among those that predict
    targets: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])  # (node, token) -> place
    items: list[Encoded] = field(default_factory=list[Encoded])
    places: list[list[int]] = field(default_factory=list[list[int]])

    def common(self, ids: Sequence[int]) -> int:
        """How many of the inputs among the ids are in the tree already."""
        depth = 0
        for node, token in zip(self.branch, ids[:-1], strict=False):
            if self.tokens[node] != token:
                break
            depth += 1
        return depth

    def add(self, item: Encoded, common: int) -> None:
        """Let an item branch off after so many common inputs."""
        fresh = range(len(self.tokens), len(self.tokens) + item.inputs - common)
        self.tokens += item.ids[common:-1]
        self.depths += range(common, item.inputs)
        self.branch[common:] = fresh
        start = item.inputs - item.scored
        places: list[int] = []
        for node, token in zip(self.branch[start:], item.ids[start + 1 :], strict=True):
            self.predicting.setdefault(node, len(self.predicting))
            places.append(self.targets.setdefault((node, token), len(self.targets)))
        self.items.append(item)
        self.places.append(places)

    def ends(self) -> list[int]:
        """For each node the first one after it that is not below it."""
        ends = [len(self.tokens)] * len(self.tokens)
        open_nodes: list[int] = []
        for node, depth in enumerate(self.depths):
            while open_nodes and self.depths[open_nodes[-1]] >= depth:
                ends[open_nodes.pop()] = node
            open_nodes.append(node)
        return ends


def plan_trees(encoded: Iterable[Encoded], nodes: int, max_inputs: int, max_scored: int) -> Iterator[Batch]:
    """Put sentences into rows of at most so many nodes, and rows into batches.

    Args:
        encoded: The sentences, each once, none of which reads more tokens than a row has nodes.
        nodes: Of a row. More share more, and cost attention by their square.
        max_inputs: Tokens that a batch may read; it has one row at least.
        max_scored: Positions that a batch may predict at.

    >>> sentences = [Encoded((9, 1, 2, 3), 1), Encoded((9, 1, 4), 1)]
    >>> batch, = plan_trees(sentences, 8, 8, 8)
    >>> batch.inputs, batch.tree.positions, batch.kept, batch.targets  # 9 - 1 - 2, with 4 after 1
    ([[9, 2, 1]], [[0, 2, 1]], 2, [3, 4])
    """
    batch: list[_Row] = []
    kept = 0
    for row in _rows(encoded, nodes, max_scored):
        kept_with_row = max(kept, len(row.predicting))
        full = (len(batch) + 1) * nodes > max_inputs or (len(batch) + 1) * kept_with_row > max_scored
        if batch and full:
            yield _batch(batch)
            batch, kept_with_row = [], len(row.predicting)
        batch.append(row)
        kept = kept_with_row
    if batch:
        yield _batch(batch)


def _rows(encoded: Iterable[Encoded], nodes: int, max_scored: int) -> Iterator[_Row]:
    row = _Row()
    for item in sorted(encoded):
        common = row.common(item.ids)
        grown = len(row.tokens) + item.inputs - common
        if row.items and (grown > nodes or len(row.predicting) + item.scored > max_scored):
            yield row
            row, common = _Row(), 0
        row.add(item, common)
    if row.items:
        yield row


def _batch(rows: Sequence[_Row]) -> Batch:
    """Rows side by side, filled up at the front with nodes that see, and are seen by, none but themselves."""
    width = max(len(row.tokens) for row in rows)
    kept = max(len(row.predicting) for row in rows)
    inputs: list[list[int]] = []
    tree = Tree([], [], [])
    predictions: list[int] = []
    targets: list[int] = []
    places: list[list[int]] = []
    for number, row in enumerate(rows):
        padding = range(len(row.tokens), width)
        order = [node for node in range(len(row.tokens)) if node not in row.predicting] + list(row.predicting)
        ends = row.ends()
        inputs.append([0] * len(padding) + [row.tokens[node] for node in order])
        tree.positions.append([0] * len(padding) + [row.depths[node] for node in order])
        tree.order.append([*padding, *order])
        tree.end.append([*(node + 1 for node in padding), *(ends[node] for node in order)])
        places += [[len(targets) + place for place in of_item] for of_item in row.places]
        first = (number + 1) * kept - len(row.predicting)
        predictions += [first + row.predicting[node] for node, _ in row.targets]
        targets += [token for _, token in row.targets]
    items = [item for row in rows for item in row.items]
    padded = sum(width - len(row.tokens) for row in rows)
    return Batch(items, inputs, kept, predictions, targets, places, tree, padded)
