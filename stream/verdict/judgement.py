"""The verdict: use it or not, and why, from what the contenders came to.

Who is better is told by the log loss and its interval by blocks; what cannot be told is said so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from converters.show.tables import counted
from learners.comparison.compare import Difference
from stream.verdict.footing import Footing
from stream.verdict.outcome import Measured, Outcome

# Names of contenders, as tables have them.
PROPOSAL = "proposal"
AT_ONCE = "labels at once"
FROZEN, RENEWED = "frozen copy", "renewed copy"
BASE_RATE = "base rate"
PLAIN = "raw VW"
RIVER = "river"
CONFIG = "your config"
OWN = "your scores"
ONCE, MONTHLY = "LightGBM once", "LightGBM monthly"
BATCH = (ONCE, MONTHLY)
# How one comes to the config of a contender.
HOW = {PLAIN: "init --trial none, without its interactions", RIVER: 'learner.kind = "river"'}
# From fewer labels, or so few of the rarer class, nothing is concluded.
FEWEST_LABELS = 1_000
FEWEST_OF_A_CLASS = 100
# A difference of log loss that is a smaller share of the base rate's is none to act upon, however
# sure. Where positives are rare, all log losses are small.
MATTERS = 0.002
# The AUC of scores that tell nothing.
CHANCE = 0.5


# From this share of unusable rows on it is said that there are some.
MOST_LOST = 0.01


class Use(StrEnum):
    """What to do."""

    YES = "yes"
    NO = "no"
    OPEN = "cannot be told"


@dataclass(frozen=True)
class Verdict:
    """What to do, in a sentence, and what else to know."""

    use: Use
    sentence: str
    notes: tuple[str, ...] = ()


def verdict(found: Outcome, *, timed: bool, late: bool) -> Verdict:
    """Judge an outcome.

    Args:
        found: the contenders.
        timed: whether the rows have a time.
        late: whether labels come as late as the file says.
    """
    return _Judge(found).verdict(tuple(_notes(found, timed=timed, late=late)))


class _Judge:
    def __init__(self, found: Outcome) -> None:
        self._found = found
        base = found.of(BASE_RATE)
        self._least = MATTERS * (base.log_loss or 0.0) if base else 0.0
        choices = [each for each in found.measured if each.contender.is_choice]
        # Who is better than the proposal, but not than the share of positives, is none to choose.
        self._better = [
            each
            for each in choices
            if self._is(each, "b") and (base is None or _is_lower(each, base))
        ]
        self._worse = [each for each in choices if self._is(each, "a")]

    def verdict(self, notes: tuple[str, ...]) -> Verdict:
        use, sentence = self._few() or self._guessing() or self._ahead() or self._frozen()
        return Verdict(use, sentence, notes)

    def _is(self, each: Measured, better: str) -> bool:
        """Whether the proposal (a) or the contender (b) is better, for sure and by what matters."""
        found = _loss(each)
        return found is not None and found.better == better and _size(each) >= self._least

    def _few(self) -> tuple[Use, str] | None:
        labels, positives = len(self._found.taken), self._found.positives
        rarer = min(positives, labels - positives)
        if labels >= FEWEST_LABELS and rarer >= FEWEST_OF_A_CLASS:
            return None
        said = counted(labels, "label", "labels")
        return Use.OPEN, (
            f"Too few rows to tell: behind the first part there are {said}, {rarer:,} of the rarer "
            f"class, and {FEWEST_LABELS:,} with {FEWEST_OF_A_CLASS} of each are the least to "
            "conclude anything from."
        )

    def _guessing(self) -> tuple[Use, str] | None:
        if self._found.of(BASE_RATE) in self._worse or self._better:
            return None
        at_once, base = self._found.of(AT_ONCE), self._found.of(BASE_RATE)
        if _is_lower(at_once, base) and at_once is not None and self._is(at_once, "b"):
            return Use.NO, (
                "Do not use it: labels come too late. What init proposes is no better than the "
                "share of positives so far; were labels known at once, it would be better "
                f"by {_by(at_once)}."
            )
        if (auc := _auc_for_sure(base)) is not None:
            return Use.OPEN, (
                "It cannot be told by log loss: what init proposes orders events better than "
                f"chance (AUC {auc:.3f}), but its probabilities are no better than the share of "
                "positives so far. If you act on the highest scores only, compare the AUC, or the "
                "value with a config's [value]; else calibrate."
            )
        return Use.NO, (
            "Do not use it: the columns do not tell the classes apart. What init proposes is no "
            "better than the share of positives so far."
        )

    def _ahead(self) -> tuple[Use, str] | None:
        """The choice that is better than the proposal, if there is one."""
        if not self._better:
            return None
        best = max(self._better, key=_size)
        name, by = best.contender.name, _by(best)
        if name == OWN:
            return Use.NO, f"Keep your own scores: they are better than the proposal by {by}."
        if name in BATCH:
            return Use.NO, (
                f"Do not use it for its accuracy alone: LightGBM, {best.contender.said}, is better "
                f"than the proposal by {by}.{self._behind_that()}"
            )
        if name in (FROZEN, RENEWED):
            return Use.NO, (
                f"Do not learn on row by row: the {name} ({best.contender.said}) is better by {by}."
            )
        how = f" ({HOW[name]})" if name in HOW else ""
        return Use.YES, (
            f"Use it, with another config than init's: {name}{how} is better than the proposal by "
            f"{by}.{self._behind_that()}"
        )

    def _behind_that(self) -> str:
        frozen = self._found.of(FROZEN)
        if frozen is None or frozen not in self._worse:
            return ""
        gained = f"{_by(frozen)} better than its frozen copy"
        return f" Learning on pays nevertheless: the proposal is {gained}."

    def _frozen(self) -> tuple[Use, str]:
        """The proposal is behind nobody: does learning on gain anything?"""
        frozen = self._found.of(FROZEN)
        if frozen is not None and frozen in self._worse:
            others = [e.contender.name for e in self._worse if e is not frozen]
            equal = [e.contender.name for e in self._equal()]
            sentence = f"Use it: learning on makes it better than its frozen copy by {_by(frozen)}"
            if others:
                sentence += f", and it is better than {_named(others)}"
            if equal:
                sentence += f". It cannot be told apart from {_named(equal)}"
            return Use.YES, f"{sentence}.{self._renewing()}"
        return Use.NO, f"Learning on gains nothing here: {self._why_not()}"

    def _renewing(self) -> str:
        """Whether a copy that is taken anew now and then would do."""
        renewed = self._found.of(RENEWED)
        if renewed is None or renewed in self._worse:
            return ""
        return f" Taking it anew {renewed.contender.said.partition('anew ')[2]} would do as well."

    def _equal(self) -> Sequence[Measured]:
        known = [*self._better, *self._worse]
        choices = [e for e in self._found.measured if e.contender.is_choice and e.against]
        return [each for each in choices if each not in known]

    def _why_not(self) -> str:
        at_once = self._found.of(AT_ONCE)
        if at_once is not None and self._is(at_once, "b"):
            return (
                "labels come too late. Were they known at once, it would be better by "
                f"{_by(at_once)}; as they come, a copy that stopped learning after the first part "
                "does as well. Get labels sooner, or train once."
            )
        return (
            "a copy that stopped learning after the first part does as well, so no drift shows in "
            "these rows. A model that is trained once is enough, as long as that stays so."
        )


def _loss(each: Measured) -> Difference | None:
    return None if each.against is None else each.against.differences["log_loss"]


def _auc_for_sure(base: Measured | None) -> float | None:
    """The proposal's AUC if it is above one half by more than its error."""
    found = None if base is None or base.against is None else base.against.differences["auc"]
    if found is None or found.a is None or found.high is None or found.difference is None:
        return None
    # That of the base rate, which orders nothing, has as large an error.
    return found.a if found.a - (found.high - found.difference) > CHANCE else None


def _is_lower(a: Measured | None, b: Measured | None) -> bool:
    """Whether the first has the lower log loss."""
    if a is None or b is None or a.log_loss is None or b.log_loss is None:
        return False
    return a.log_loss < b.log_loss


def _named(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _size(each: Measured) -> float:
    found = _loss(each)
    return 0.0 if found is None or found.difference is None else abs(found.difference)


def _by(each: Measured) -> str:
    found = _loss(each)
    assert found is not None, "the proposal is not compared with itself"
    assert found.difference is not None, "and only what was computed is told"
    assert found.low is not None, "with its interval"
    assert found.high is not None, "with its interval"
    low, high = sorted((abs(found.low), abs(found.high)))
    return f"{abs(found.difference):.4f} of log loss ({low:.4f} to {high:.4f})"


def _notes(found: Outcome, *, timed: bool, late: bool) -> list[str]:
    notes = []
    if not timed:
        notes.append(
            "The rows were taken in the file's order, each label known before the next row. If "
            "the file is not in order of time, or labels come later, the figures flatter all that "
            "learn on: name --time, and --label-time or --label-delay."
        )
    elif not late:
        notes.append(
            "Each label was taken to be known before the next row. If labels come later, name "
            "--label-time or --label-delay: what learns on gains less then."
        )
    unknown = [e.contender.name for e in found.measured if e.count < len(found.taken)]
    if unknown:
        notes.append(f"Not all of these rows have a score of {_named(unknown)}.")
    return [*notes, *_lost(found.footing)]


def _lost(footing: Footing) -> Iterator[str]:
    """What of the file could not be taken as it stands, if it may change the verdict."""
    gone = sum(footing.columns.left_out.values())
    if gone > MOST_LOST * (gone + len(footing)):
        yield (
            f"{gone:,} of {gone + len(footing):,} rows could not be used, for the reasons told "
            "above: the verdict is about the others."
        )
    if footing.happened is not None and footing.known is not None:
        early = int((footing.known < footing.happened).sum())
        if early:
            yield (
                f"In {counted(early, 'row', 'rows')} the label was known before the event, by the "
                "file's own times: it was learned behind it. Does --time name when the event was?"
            )
