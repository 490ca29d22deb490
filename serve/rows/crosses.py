"""The crossed features of rows before they are scored: counted, bounded, and cut into short steps.

Two crossed texts of a thousand words each are a million features, which no limit on bytes bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converters.cells.refusal import Refusal
from converters.convert.to_vw_text import Row
from converters.schema.schema import Schema
from serve.rows.row_errors import TOO_MANY_CROSSES

# What the learners score in some 10 ms: 2.5 to 11 ns each in Vowpal Wabbit, with 18 and 22 bits,
# and 560 ns in river.
MOST_CROSSES = {"vw": 1_000_000, "river": 20_000}


class Crosses:
    """The crosses of rows under one schema. Only texts are many features, so only two of them.

    Attributes:
        any: whether there are any.
    """

    def __init__(self, schema: Schema) -> None:
        texts = {each.namespace for each in schema.features if each.settings.kind == "text"}
        self._pairs = [pair for pair in schema.interactions if texts.issuperset(pair)]
        self.any = bool(self._pairs)

    def bounded(
        self, rows: Sequence[Row | Refusal], learner: str
    ) -> Iterator[Sequence[Row | Refusal]]:
        """The rows in steps that a learner scores in bounded time; who has too many is refused."""
        most = MOST_CROSSES[learner]
        step: list[Row | Refusal] = []
        together = 0
        for row in rows:
            count = 0 if isinstance(row, Refusal) else self.count(row[2])
            if count > most:
                shown = f"{count:,} crossed features, not {most:,}"
                step.append(Refusal(TOO_MANY_CROSSES, "", shown))
                continue
            together += count
            if together > most:
                yield step
                step, together = [], count
            step.append(row)
        yield step

    def count(self, text: str) -> int:
        """How many crossed features of texts a row has."""
        sections = [section.rstrip(" ") for section in text.split("|")[1:]]
        sizes = {section[:1]: section.count(" ") for section in sections}
        return sum(sizes.get(one, 0) * sizes.get(other, 0) for one, other in self._pairs)
