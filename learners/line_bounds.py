"""Bounds on the numbers in a learner's lines: refuses lines before a call has learned any of them.

The converter already refuses what is not a number. This is the learner's own guard, which knows
how large or small a value may be before the learner's float32 state stops being finite for good.
It gives the lines joined into blocks, ready to be parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from operator import itemgetter

from converters.cells.quantities import MOST_WEIGHT
from converters.convert.from_vw_text import DEFAULT_NAMESPACE, read_number
from converters.errors import FreshetError
from learners.learner import LearnerSpec, LineBlock, NonFiniteError

# Parsed blocks of 64 to 256 lines are learned 2.5 times as fast as single lines, the longest ones
# fastest; of 1,024, slower: VW has 256 examples, and makes more.
BLOCK = 256

# Vowpal Wabbit adds up squares in float32: 1e15 squared, 100 million times, still is finite.
VW_MOST = 1e15
# --coin divides by squares: below 1e-19 one line makes a weight NaN, and its scores .5 for ever.
COIN_LEAST = 1e-15
FLOAT32_MOST = 3.4028234e38
# --coin bets on gradients of at most 1: a lesson of weight 1,000 moved its score the wrong way.
COIN_MOST_WEIGHT = 1.0
# With --l2 0.1 lessons of weight 1,000 made weights infinite; up to this over --l2, they stay.
L2_MOST_WEIGHT = 0.1
# A forest learns a row as often as it weighs, which takes as many times as long.
FOREST_MOST_WEIGHT = 10.0

# Why a row is refused whose cells are right and whose numbers the learner cannot take.
UNLEARNABLE = "unlearnable"

_NUMBER = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|-?0x[01](?:\.[0-9a-f]+)?p[+-]?[0-9]+"
)
_HEADS = ("1 |", "-1 |", "|")
_WEIGHTED_HEAD = re.compile(rf"-?1 (?!-)({_NUMBER.pattern}) \|")
_head = itemgetter(slice(0, 4))
_REASON_SHOWN = 3


class RefusedLinesError(NonFiniteError):
    """Lines hold numbers that would destabilise the learner; nothing of the call has been learned.

    Attributes:
        reasons: the place in the call of every refused line, with its reason.
    """

    def __init__(self, reasons: Mapping[int, str]) -> None:
        self.reasons = dict(reasons)
        shown = "; ".join(
            f"line {place}: {reason}"
            for place, reason in list(self.reasons.items())[:_REASON_SHOWN]
        )
        super().__init__(
            f"{len(self.reasons)} line(s) cannot be learned or scored ({shown}). Nothing of the "
            "call has been learned. Give the column `min` and `max`, or a `transform`."
        )


class MalformedLineError(FreshetError):
    """A line is not the converter's text of one row."""


def broken_line(read: int, given: int) -> MalformedLineError:
    """The error for a block in which one of the lines given holds a line break."""
    return MalformedLineError(
        f"{read} lines were read where {given} were given: one of them holds a line break. "
        "Nothing of its block has been learned; feed the learner from the converter only."
    )


def interactions_of(args: Sequence[str]) -> tuple[str, ...]:
    """The pairs of namespace letters that a learner's complete arguments cross."""
    return tuple(value for name, value in pairwise(args) if name == "--interactions")


def bounds_for(spec: LearnerSpec) -> LineBounds:
    """What the learner of this spec takes."""
    if spec.kind == "river":
        return LineBounds(least=0.0, most=FLOAT32_MOST)
    if spec.kind == "river-forest":
        return LineBounds(least=0.0, most=FLOAT32_MOST, most_weight=FOREST_MOST_WEIGHT)
    coin = "--coin" in spec.args
    return LineBounds(
        least=COIN_LEAST if coin else 0.0,
        most=VW_MOST,
        pairs=interactions_of(spec.args),
        most_weight=COIN_MOST_WEIGHT if coin else _most_weight(spec.args),
    )


def _most_weight(args: Sequence[str]) -> float:
    """--l2 shrinks each weight of the model by a share that grows with the row's weight."""
    l2 = next((float(value) for name, value in pairwise(args) if name == "--l2"), 0.0)
    return min(MOST_WEIGHT, max(1.0, L2_MOST_WEIGHT / l2)) if l2 else MOST_WEIGHT


def _plain(digits: int) -> str:
    """A pattern of numbers of at most so many digits, for which no closer look is needed."""
    return rf"-?+(?!0\.0000)[0-9]{{1,{digits}}}+(?:\.[0-9]{{1,20}}+)?[ \n]"


def joined(lines: Sequence[str], *, plain: bool = False) -> list[LineBlock]:
    """Lines as blocks of :data:`BLOCK`; ``plain`` as in :class:`~learners.learner.LineBlock`."""
    starts = range(0, len(lines), BLOCK)
    parts = [lines[start : start + BLOCK] for start in starts]
    return [LineBlock("\n".join([*part, ""]), len(part), plain) for part in parts]


@dataclass(frozen=True)
class LineBounds:
    """Bounds on the magnitude of a feature's value, zero aside.

    Attributes:
        least: smallest magnitude that may be learned.
        most: largest magnitude that may be learned.
        pairs: pairs of namespace letters whose products are held to the same bounds.
        most_weight: the largest weight that a line may have.
    """

    least: float
    most: float
    pairs: tuple[str, ...] = ()
    most_weight: float = MOST_WEIGHT

    def blocks(self, lines: Sequence[str]) -> list[LineBlock]:
        """The lines joined into blocks, once all are accepted; raises as :meth:`check`."""
        blocks = joined(lines)
        self.check(blocks)
        return blocks

    def check(self, blocks: Sequence[LineBlock]) -> None:
        """Refuse lines that cannot be learned, before any is; plain blocks are known to be good.

        Raises:
            RefusedLinesError: numbers out of bounds; names every line that holds one.
            MalformedLineError: a line is empty or begins neither with a bar nor with a label.
        """
        reasons: dict[int, str] = {}
        start = 0
        for block in blocks:
            if not block.plain:
                reasons |= self._checked(block, start)
            start += block.count
        if reasons:
            raise RefusedLinesError(reasons)

    def _checked(self, block: LineBlock, start: int) -> dict[int, str]:
        """The refused lines of a block whose first has this place in the call."""
        text, lines = block.text, block.lines
        heads = set(map(_head, lines))  # a handful, unless there are weights
        if "\r" in text or not (
            all(head.startswith(_HEADS) for head in heads) or all(map(self._well_begun, lines))
        ):
            raise self._malformed(lines)
        # The one look at every number: 0.2 us a row of 122 characters, 5 % of learning it.
        return self._refusals(lines, start) if self._suspicious.search(text) else {}

    def refused(self, lines: Sequence[str]) -> dict[int, str]:
        """The lines that would be refused, by their place, with the reason; mostly none.

        For whoever can still make a dead letter of such a row, before it is joined or learned.
        """
        text = "\n".join([*lines, ""])
        return self._refusals(lines, 0) if self._suspicious.search(text) else {}

    def refused_of(self, block: LineBlock) -> dict[int, str]:
        """The same for lines that are joined already; nothing is looked for in plain ones."""
        if block.plain or not self._suspicious.search(block.text):
            return {}
        return self._refusals(block.lines, 0)

    def reason(self, line: str) -> str | None:
        """Why a line is refused, or None; the exact rule behind the fast look."""
        numbers: dict[str, list[tuple[str, float]]] = {}
        for section in line.split("|")[1:]:
            for token in section[1:].split(" "):
                name, colon, text = token.partition(":")
                if not colon:
                    continue
                if _NUMBER.fullmatch(text) is None:
                    return f"`{name}` is not a number"
                value = _magnitude(text)
                if not self._takes(value):
                    return f"`{name}` has a magnitude outside {self.least:g} to {self.most:g}"
                numbers.setdefault(section[0], []).append((name, value))
        return self._product_reason(numbers)

    def _product_reason(self, numbers: Mapping[str, list[tuple[str, float]]]) -> str | None:
        for pair in self.pairs:
            left, right = (numbers.get(letter, []) for letter in pair)
            for (one, first), (other, second) in product(left, right):
                if first and second and not self._takes(first * second, exact_zero=False):
                    return (
                        f"`{one}` times `{other}` has a magnitude outside "
                        f"{self.least:g} to {self.most:g}"
                    )
        return None

    def _takes(self, magnitude: float, *, exact_zero: bool = True) -> bool:
        return self.least <= magnitude <= self.most or (exact_zero and magnitude == 0.0)

    @cached_property
    def _suspicious(self) -> re.Pattern[str]:
        # A product of two numbers of seven digits is within bounds; of more, it must be computed.
        return re.compile(f":(?!{_plain(7 if self.pairs else 15)})")

    @cached_property
    def _unsuspicious_alone(self) -> re.Pattern[str]:
        return re.compile(f":{_plain(15)}")

    def _refusals(self, block: Sequence[str], start: int) -> dict[int, str]:
        """The refused lines of a block in which something looked suspicious.

        Line by line: a refused row's text, looked at in vain, may hold line feeds.
        """
        suspects = [place for place, line in enumerate(block) if self._suspects(f"{line}\n")]
        reasons = {start + place: self.reason(block[place]) for place in suspects}
        return {place: reason for place, reason in reasons.items() if reason is not None}

    def _suspects(self, line: str) -> bool:
        """Whether a line, which ends with a line feed, needs the exact rule."""
        for match in self._suspicious.finditer(line):
            namespace = line[line.rfind("|", 0, match.start()) + 1]
            alone = namespace == DEFAULT_NAMESPACE or not self.pairs
            if not (alone and self._unsuspicious_alone.match(line, match.start())):
                return True
        return False

    def _well_begun(self, line: str) -> bool:
        """Whether a line begins as the converter's lines do, with label and weight or without."""
        if line.startswith(_HEADS):
            return True
        weighted = _WEIGHTED_HEAD.match(line)
        return weighted is not None and read_number(weighted[1]) <= self.most_weight

    def _malformed(self, block: Sequence[str]) -> MalformedLineError:
        line = next(one for one in block if not self._well_begun(one) or "\r" in one)
        return MalformedLineError(
            "A line must be the converter's text of one row (`| a=b`, `1 | a=b`, `-1 2.5 | a=b`), "
            f"but one begins with {line[:4]!r}, holds a line break, or weighs more than "
            f"{self.most_weight:g}. Nothing of the call has been learned; feed the learner from "
            "the converter only."
        )


def _magnitude(text: str) -> float:
    try:
        return abs(read_number(text.lower()))
    except OverflowError:
        return float("inf")
