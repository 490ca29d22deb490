"""What :mod:`benchmarks.quality` found, as lines of the table and as a table by stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from benchmarks.table import Measured

BEFORE = "init before"
AFTER = "init now"
COIN = "VW --coin on raw numbers"
LINEAR = "river's logistic regression"
FOREST = "river's ARF"
BOOSTED = "LightGBM every 5,000 rows, its defaults"
BOOSTED_SLOWLY = "LightGBM every 5,000 rows, as on the flights"
BEST = "the best of the five in hindsight"
# The way that is Vowpal Wabbit's --coin and nothing else.
COIN_WAY = "raw-coin"

GAINED = 0.04
LOSS_SHARE = 0.84
AHEAD = 2 / 3
MOST_BEHIND = 0.005
NEAR_BEST = 0.004


@dataclass(frozen=True)
class Side:
    """A learner over the rows that are measured.

    Attributes:
        auc: the area under their ROC curve.
        loss: their mean log loss, in nats.
        rows_a_second: of processor time, of the whole stream; None if that was not taken.
    """

    auc: float
    loss: float
    rows_a_second: float | None = None


@dataclass(frozen=True)
class Found:
    """What was found on a stream.

    Attributes:
        stream: its name.
        measured: how many rows are.
        refused: how many of them Freshet would refuse.
        taken: the way that init takes.
        init_seconds: of processor time, that init takes.
        ways: what each of the ways comes to.
        sides: what the learners come to that were measured; None of one that was too slow.
        early: what Freshet comes to on the rows that the forest sees.
    """

    stream: str
    measured: int
    refused: int
    taken: str
    init_seconds: float
    ways: dict[str, Side]
    sides: dict[str, Side | None]
    early: Side

    @classmethod
    def of(cls, values: dict[str, Any]) -> Found:
        """From JSON."""
        return cls(
            stream=values["stream"],
            measured=values["measured"],
            refused=values["refused"],
            taken=values["taken"],
            init_seconds=values["init_seconds"],
            ways={name: Side(**side) for name, side in values["ways"].items()},
            sides={name: side and Side(**side) for name, side in values["sides"].items()},
            early=Side(**values["early"]),
        )

    def known(self, name: str) -> Side | None:
        """A learner by its name, if it was measured."""
        if name == COIN:
            return self.ways[COIN_WAY]
        if name == BEST:
            return max(self.ways.values(), key=lambda way: way.auc)
        return self.sides.get(name)

    def side(self, name: str) -> Side:
        """A learner that was measured."""
        side = self.known(name)
        assert side is not None, name
        return side


# Of the table by stream: the stream, its rows and the way, then ``COMPARED``.
HEAD = (
    *("stream", "rows", "way taken", "before", "now", "best of five", "`--coin`", "river LR"),
    *("LightGBM", "LightGBM, slower", "ARF early", "now early", "rows/s, now of before"),
)
COMPARED = (BEFORE, AFTER, BEST, COIN, LINEAR, BOOSTED, BOOSTED_SLOWLY)


def lines(found: Sequence[Found]) -> list[Measured]:
    """The means, and what they have to be."""
    of = f"mean over {len(found)} streams"
    means = [
        Measured(
            f"AUC, {of}: {name}",
            *(_mean(found, name, _auc), "", "", True),
            f"log loss {_mean(found, name, _loss):.4f}",
            digits=4,
        )
        for name in COMPARED
        if all(each.known(name) for each in found)
    ]
    return [*means, *_early(found), *_targets(found), *_told(found)]


def _early(found: Sequence[Found]) -> list[Measured]:
    both = [(side, each.early) for each in found if (side := each.known(FOREST))]
    if not both:
        return []
    ours, loss = fmean(now.auc for _, now in both), fmean(now.loss for _, now in both)
    return [
        Measured(
            f"AUC, rows up to the 10,000th, mean over {len(both)} streams: {FOREST}",
            *(fmean(side.auc for side, _ in both), "", "", True),
            f"log loss {fmean(side.loss for side, _ in both):.4f}; {AFTER} {ours:.4f} and "
            f"{loss:.4f}",
            digits=4,
        )
    ]


def _targets(found: Sequence[Found]) -> list[Measured]:
    gained = _mean(found, AFTER, _auc) - _mean(found, BEFORE, _auc)
    share = _mean(found, AFTER, _loss) / _mean(found, BEFORE, _loss)
    behind = {each.stream: each.side(BEFORE).auc - each.side(AFTER).auc for each in found}
    worst = max(behind, key=behind.__getitem__)
    lost = fmean(each.side(BEST).auc - each.side(AFTER).auc for each in found)
    missed = [each for each in found if each.side(BEST).auc - each.side(AFTER).auc > NEAR_BEST]
    return [
        _target("init now: mean AUC over init before", gained, GAINED, ""),
        _target("init now: mean log loss, of that before", share, -LOSS_SHARE, ""),
        *_ahead(found),
        _target(
            "init now: most AUC behind init before on any stream",
            *(max(behind[worst], 0.0), -MOST_BEHIND, worst if behind[worst] > 0 else "on none"),
        ),
        _target(
            "init now: mean AUC behind the best of the five in hindsight",
            *(lost, -NEAR_BEST, f"more than that on {_named(missed)}"),
        ),
    ]


def _ahead(found: Sequence[Found]) -> list[Measured]:
    if not all(each.known(LINEAR) for each in found):
        return []
    ahead = [each for each in found if each.side(AFTER).auc > each.side(LINEAR).auc]
    return [
        _target(
            f"init now: streams on which its AUC is ahead of {LINEAR}",
            *(len(ahead) / len(found), AHEAD, f"{len(ahead)} of {len(found)}"),
        )
    ]


def _target(what: str, figure: float, bound: float, detail: str) -> Measured:
    """At least ``bound``, or at most that of a negative one."""
    wanted = f"{bound:.3f}" if bound > 0 else f"at most {-bound:.3f}"
    good = figure >= bound if bound > 0 else figure <= -bound
    return Measured(what, figure, "", wanted, good, detail, digits=4)


def _told(found: Sequence[Found]) -> list[Measured]:
    speeds = [
        (each.side(AFTER).rows_a_second or 0, each.side(BEFORE).rows_a_second or 1)
        for each in found
    ]
    slowest = max(found, key=lambda each: each.init_seconds)
    return [
        Measured(
            "init now: rows a second of converting and learning, of those before",
            *(fmean(now / then for now, then in speeds), "x", "", True),
            f"{fmean(now for now, _ in speeds):,.0f} against "
            f"{fmean(then for _, then in speeds):,.0f} of processor time, mean over streams",
        ),
        Measured(
            "init now: longest run",
            *(slowest.init_seconds, "s", "", True),
            f"{slowest.stream}, processor time, unbounded; by default no trial begins after 20 s",
        ),
    ]


def _named(found: Iterable[Found]) -> str:
    return ", ".join(each.stream for each in found) or "none"


def _auc(side: Side) -> float:
    return side.auc


def _loss(side: Side) -> float:
    return side.loss


def _mean(found: Sequence[Found], name: str, figure: Callable[[Side], float]) -> float:
    return fmean(figure(each.side(name)) for each in found)


def by_stream(found: Iterable[Found]) -> list[str]:
    """A Markdown table: AUC and log loss of each learner on each stream."""
    lines = [_row(HEAD), "|---" * len(HEAD) + "|"]
    for each in found:
        best = max(each.ways, key=lambda name: each.ways[name].auc)
        sides = [_said(each.known(name)) for name in COMPARED]
        sides[COMPARED.index(BEST)] += f" {best}"
        early = [_said(each.known(FOREST)), _said(each.early)]
        speeds = [each.side(name).rows_a_second or 0 for name in (AFTER, BEFORE)]
        said = " of ".join(f"{speed / 1000:,.0f} k" for speed in speeds)
        lines.append(_row((each.stream, f"{each.measured:,}", each.taken, *sides, *early, said)))
    return lines


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _said(side: Side | None) -> str:
    if side is None:
        return ""
    return f"{side.auc:.3f}/{side.loss:.3f}".replace("0.", ".")
