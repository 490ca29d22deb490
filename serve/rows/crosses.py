"""The features of rows before they are scored: counted, bounded, and cut into short steps.

Two crossed texts of a thousand words each are a million features, and 25 columns crossed with 25
others are 625 in each row; no limit on bytes bounds that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from converters.cells.refusal import Refusal
from converters.convert.row_block import RowBlock
from converters.schema.schema import Schema
from serve.rows.row_errors import TOO_MANY_CROSSES

# What a learner scores in some 10 ms: a cross takes 2.5 to 11 ns in Vowpal Wabbit, with 18 and 22
# bits, and 500 to 950 ns in river.
MOST_TOGETHER = {"vw": 1_000_000, "river": 10_000}
# The most that one row may have: it cannot be cut.
MOST_CROSSES = {"vw": 1_000_000, "river": 20_000}


class Crosses:
    """The features of rows under one schema, crossed ones among them.

    Only a text is more than one feature. Without texts all rows have as many, at most: what is
    worked out once says how many rows make a step, and nothing is counted.
    """

    def __init__(self, schema: Schema) -> None:
        texts = [each for each in schema.features if each.settings.kind == "text"]
        letters = {each.namespace for each in texts if each.namespace}
        self._all = schema.interactions
        self._texts = [pair for pair in self._all if letters.issuperset(pair)]
        # For each text, the features of other columns that it meets.
        self._partners = Counter(
            letter
            for pair in self._all
            if pair not in self._texts
            for letter in letters.intersection(pair)
        )
        self._letters = frozenset(letters)
        self._constant = sum(letters.isdisjoint(pair) for pair in self._all)
        features = len(schema.features) + self._constant
        self._rows = {
            kind: 0 if texts else max(1, most // features) for kind, most in MOST_TOGETHER.items()
        }

    def few(self, block: RowBlock, learner: str) -> bool:
        """Whether rows are one step, which is known without counting: by the longest of them."""
        if at_once := self._rows[learner]:
            return len(block) <= at_once
        # A word and the blank before it are two characters at least.
        words = max(map(len, block.lines), default=0) // 2 + 1
        crosses = words * self._partners.total() + words * words * len(self._texts)
        return len(block) * (self._constant + words + crosses) <= MOST_TOGETHER[learner]

    def bounded(self, block: RowBlock, learner: str) -> Iterator[RowBlock]:
        """The rows in steps that a learner scores in bounded time; who has too many is refused."""
        following = iter(block.lines)
        rows = [block.refused.get(at) or next(following) for at in range(len(block))]
        if at_once := self._rows[learner]:
            yield from (_step(rows[at : at + at_once]) for at in range(0, len(rows), at_once))
            return
        most, together = MOST_TOGETHER[learner], 0
        step: list[str | Refusal] = []
        for row in rows:
            if isinstance(row, Refusal):
                step.append(row)
                continue
            crosses = self._most(row)
            if crosses > MOST_CROSSES[learner]:
                crosses = self.count(row)
            if crosses > MOST_CROSSES[learner]:
                shown = f"{crosses:,} crossed features, not {MOST_CROSSES[learner]:,}"
                step.append(Refusal(TOO_MANY_CROSSES, "", shown))
                continue
            features = crosses + row.count(" ")
            together += features
            if together > most and step:
                yield _step(step)
                step, together = [], features
            step.append(row)
        yield _step(step)

    def count(self, text: str) -> int:
        """How many crossed features a row has."""
        sections = [section.rstrip(" ") for section in text.split("|")[1:]]
        sizes = {section[:1]: section.count(" ") for section in sections}
        return sum(_meetings(pair, sizes) for pair in self._all)

    def _most(self, text: str) -> int:
        """How many it has if no cell of the row is missing; quicker where many are crossed."""
        if not self._letters:
            return self._constant
        sections = [s.rstrip(" ") for s in text.split("|")[1:] if s[:1] in self._letters]
        sizes = {section[:1]: section.count(" ") for section in sections}
        with_others = sum(sizes.get(letter, 0) * n for letter, n in self._partners.items())
        return self._constant + with_others + sum(_meetings(p, sizes) for p in self._texts)


def _step(rows: Sequence[str | Refusal]) -> RowBlock:
    """Lines to be scored; nobody asks for the ids of these, or for labels."""
    lines = [row[row.index("|") :] for row in rows if not isinstance(row, Refusal)]
    refused = {at: row for at, row in enumerate(rows) if isinstance(row, Refusal)}
    return RowBlock([""] * len(rows), [None] * len(rows), "\n".join([*lines, ""]), refused)


def _meetings(pair: tuple[str, str], sizes: dict[str, int]) -> int:
    """How many features a pair of namespaces makes; in one with itself each two meet once."""
    ours, theirs = (sizes.get(letter, 0) for letter in pair)
    return ours * (ours + 1) // 2 if pair[0] == pair[1] else ours * theirs
