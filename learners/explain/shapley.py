"""Shapley values of the columns of a row against another row, in log-odds.

The game: a set of columns is worth the log-odds of the row that has these columns of the row to be
explained, and all others of the row that it is held against (the baseline row). A column's Shapley
value is its mean gain over all orders in which the columns can come (Shapley 1953; for predictions,
Štrumbelj and Kononenko 2010, Lundberg and Lee 2017). They add up to the difference of both rows.

Where the log-odds are a sum over columns and pairs of columns, a column's gain is linear in who is
there already. Its mean is then that of the two ends, when it comes first and when it comes last:
2N + 2 scores, and exact. Otherwise all sets are scored where these are few, else orders are drawn,
each with its reverse, whose errors offset one another (antithetic sampling).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

from learners.explain.row_pieces import Pieces, RowPieces

# Orders drawn for a baseline row, each with its reverse; the seed makes answers repeatable.
ORDERS = 16
SEED = 20
# The sets of so many columns are no more than the scores of these orders.
ALL_SETS = 8


class Values(NamedTuple):
    """What each column adds.

    Attributes:
        values: by the number of the column; one that is not there adds nothing.
        variances: of the sampling, alike; empty where nothing was drawn.
    """

    values: dict[int, float]
    variances: dict[int, float]


class Versus(NamedTuple):
    """A row to be explained, against a baseline row; each with its log-odds."""

    row: Pieces
    log_odds: float
    other: Pieces
    other_log_odds: float


class Plan(NamedTuple):
    """What is to be scored, and what follows from the log-odds of these rows."""

    rows: list[Sequence[str]]
    values: Callable[[Sequence[float]], list[Values]]


def pairwise(cuts: RowPieces, games: Sequence[Versus]) -> Plan:
    """Exact values where at most pairs of columns have a term of their own."""
    columns = [cuts.differing(game.row, game.other) for game in games]
    rows: list[Sequence[str]] = []
    for game, differing in zip(games, columns, strict=True):
        rows += _swapped(cuts, game.row, game.other, differing)
        rows += _swapped(cuts, game.other, game.row, differing)

    def values(scores: Sequence[float]) -> list[Values]:
        at, found = 0, []
        for game, differing in zip(games, columns, strict=True):
            count = len(differing)
            last, first = scores[at : at + count], scores[at + count : at + 2 * count]
            at += 2 * count
            gains = [
                (game.log_odds - without + alone - game.other_log_odds) / 2
                for without, alone in zip(last, first, strict=True)
            ]
            found.append(Values(_adding_up(game, dict(zip(differing, gains, strict=True))), {}))
        return found

    return Plan(rows, values)


def _swapped(
    cuts: RowPieces, row: Pieces, other: Pieces, columns: Sequence[int]
) -> list[Sequence[str]]:
    """The row once for each column, with that column of the other row."""
    places: dict[int, list[int]] = {column: [] for column in columns}
    for place, owner in enumerate(cuts.owners):
        if owner in places:
            places[owner].append(place)
    found: list[Sequence[str]] = []
    for column in columns:
        pieces = list(row)
        for place in places[column]:
            pieces[place] = other[place]
        found.append(pieces)
    return found


def _adding_up(game: Versus, values: dict[int, float]) -> dict[int, float]:
    """The values, adding up to the difference but for rounding in float64.

    Scores are summed in float32: over 13 columns their errors come to some 1e-6.
    """
    if values:
        over = game.log_odds - game.other_log_odds - math.fsum(values.values())
        for column in values:
            values[column] += over / len(values)
    return values


def any_order(cuts: RowPieces, games: Sequence[Versus]) -> Plan:
    """Values where any number of columns may have a term of their own."""
    plans: list[Plan] = []
    for number, game in enumerate(games):
        columns = cuts.differing(game.row, game.other)
        if len(columns) <= ALL_SETS:
            plans.append(_all_sets(cuts, game, columns))
        else:
            plans.append(_drawn_orders(cuts, game, columns, number))

    def values(scores: Sequence[float]) -> list[Values]:
        at, found = 0, list[Values]()
        for plan in plans:
            found += plan.values(scores[at : at + len(plan.rows)])
            at += len(plan.rows)
        return found

    return Plan([row for plan in plans for row in plan.rows], values)


def _all_sets(cuts: RowPieces, game: Versus, columns: Sequence[int]) -> Plan:
    """The definition: each column's gain to each set without it, weighted."""
    count = len(columns)
    sets = [frozenset(s) for size in range(count + 1) for s in combinations(columns, size)]
    orders = math.factorial(count)
    weights = [math.factorial(s) * math.factorial(count - s - 1) / orders for s in range(count)]

    def values(scores: Sequence[float]) -> list[Values]:
        worth = dict(zip(sets, scores, strict=True))
        worth |= {sets[0]: game.other_log_odds, sets[-1]: game.log_odds}
        found = {
            column: math.fsum(
                weights[len(each)] * (worth[each | {column}] - worth[each])
                for each in sets
                if column not in each
            )
            for column in columns
        }
        return [Values(_adding_up(game, found), {})]

    return Plan([cuts.mixed(game.row, game.other, each) for each in sets], values)


def _drawn_orders(cuts: RowPieces, game: Versus, columns: Sequence[int], number: int) -> Plan:
    """The mean gain over orders that are drawn, and the variance of that mean."""
    draw = random.Random(SEED + number)  # noqa: S311  # the same for every row and every server
    orders = []
    for _ in range(ORDERS):
        order = list(columns)
        draw.shuffle(order)
        orders += [order, order[::-1]]
    begun = [frozenset(order[:size]) for order in orders for size in range(1, len(order))]

    def values(scores: Sequence[float]) -> list[Values]:
        following = iter(scores)
        gains: dict[int, list[float]] = {column: [] for column in columns}
        for order in orders:
            before = game.other_log_odds
            for column in order[:-1]:
                now = next(following)
                gains[column].append(now - before)
                before = now
            gains[order[-1]].append(game.log_odds - before)
        means = {column: math.fsum(of) / len(of) for column, of in gains.items()}
        variances = {column: _variance(of, means[column]) for column, of in gains.items()}
        return [Values(_adding_up(game, means), variances)]

    return Plan([cuts.mixed(game.row, game.other, each) for each in begun], values)


def _variance(gains: Sequence[float], mean: float) -> float:
    """Of the mean of gains, of which each two are of an order and its reverse."""
    pairs = [(one + other) / 2 for one, other in zip(gains[::2], gains[1::2], strict=True)]
    return math.fsum((each - mean) ** 2 for each in pairs) / (len(pairs) - 1) / len(pairs)
