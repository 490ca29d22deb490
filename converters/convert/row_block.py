"""Many converted rows as columns, and their text as one: what a learner parses as it stands.

The text has a line for each row that is not refused, each ended by a line feed, with its label in
front where it is known. Nothing in it has to be looked at again: no cell can put a line feed into
it, and ``plain`` says whether each number is one that every learner takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from converters.cells.numbers import PLAIN_NUMBERS
from converters.cells.refusal import Refusal

__all__ = [
    "LABELLED",
    "MOST_AT_ONCE",
    "MOST_IN_BLOCK",
    "PLAIN_NUMBERS",
    "Row",
    "RowBlock",
    "block_of",
    "weights_of",
]

# A checked row: its id (or empty), its label (1, 0, or None when not known yet), and its features
# as VW text, starting with "|", or with its weight and then "|". A plain tuple: a NamedTuple costs
# as much as three columns.
Row = tuple[str, int | None, str]

# The rows of a block: more leave the processor's caches before their lines are learned, and Vowpal
# Wabbit keeps room for as many examples as it ever had at once.
MOST_IN_BLOCK = 256
# So many are converted from their bytes at once: of that, half is the same for few rows and many.
MOST_AT_ONCE = 2_048

# What precedes the text of a labelled example, by label.
LABELLED = ("-1 ", "1 ")


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Rows that were converted together; some of them may be refused.

    Attributes:
        ids: the id of each row; empty where it has none, and of a refused row.
        labels: 1, 0, or None where it is not known yet, and of a refused row.
        text: the lines of the rows that are not refused.
        refused: the others, by their places.
        weights: for each line what stands before its bar, such as ``2.5 ``, where the schema has a
            weight; an unlabelled line is without it.
        plain: whether each number in the text is zero or within :data:`PLAIN_NUMBERS`, and no line
            has a weight; false where that was not looked at.
    """

    ids: Sequence[str]
    labels: Sequence[int | None]
    text: str
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    weights: Sequence[str] | None = None
    plain: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lines(self) -> list[str]:
        """The lines of the rows that are not refused."""
        return self.text.split("\n")[:-1]

    def among(self, refused: Mapping[int, Refusal]) -> RowBlock:
        """These rows, of which none is refused, with others that are, at their places."""
        ids, labels = list(self.ids), list(self.labels)
        for at in sorted(refused):
            ids.insert(at, "")
            labels.insert(at, None)
        return replace(self, ids=ids, labels=labels, refused=refused)

    def without(self, lines: Mapping[int, Refusal]) -> RowBlock:
        """The same with some more rows refused, named by the places of their lines."""
        rows = [at for at in range(len(self)) if at not in self.refused]
        refused = {rows[line]: refusal for line, refusal in lines.items()}
        ids = ["" if at in refused else id_ for at, id_ in enumerate(self.ids)]
        labels = [None if at in refused else label for at, label in enumerate(self.labels)]
        text = "".join([f"{each}\n" for n, each in enumerate(self.lines) if n not in lines])
        weights = self.weights
        if weights is not None:
            weights = [weight for n, weight in enumerate(weights) if n not in lines]
        refused = dict(sorted({**self.refused, **refused}.items()))
        return RowBlock(ids, labels, text, refused, weights, self.plain)


def block_of(rows: Sequence[Row | Refusal]) -> RowBlock:
    """Rows that were converted one by one as a block."""
    ids: list[str] = []
    labels: list[int | None] = []
    lines: list[str] = []
    weights: list[str] = []
    refused: dict[int, Refusal] = {}
    for at, row in enumerate(rows):
        if isinstance(row, Refusal):
            refused[at] = row
            ids.append("")
            labels.append(None)
            continue
        id_, label, text = row
        bar = text.index("|")
        ids.append(id_)
        labels.append(label)
        weights.append(text[:bar])
        lines.append(text[bar:] if label is None else LABELLED[label] + text)
    whole = "\n".join([*lines, ""])
    return RowBlock(ids, labels, whole, refused, weights if any(weights) else None)


def weights_of(
    pieces: Sequence[str], labels: Sequence[int | None]
) -> tuple[Sequence[str] | None, Sequence[str]]:
    """What stands before each row's bar, if anything does; the pieces of lines that may lack it."""
    if set(pieces) == {"|"}:
        return None, pieces
    if None in labels:
        known = zip(pieces, labels, strict=True)
        return [piece[:-1] for piece in pieces], ["|" if c is None else p for p, c in known]
    return [piece[:-1] for piece in pieces], pieces
