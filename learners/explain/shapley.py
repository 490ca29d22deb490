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

ScoreRows = Callable[[Sequence[Sequence[str]]], Sequence[float]]


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


def pairwise(cuts: RowPieces, games: Sequence[Versus], score: ScoreRows) -> list[Values]:
    """Exact values where at most pairs of columns have a term of their own."""
    columns = [cuts.differing(game.row, game.other) for game in games]
    rows: list[Sequence[str]] = []
    for game, differing in zip(games, columns, strict=True):
        rows += _swapped(cuts, game.row, game.other, differing)
        rows += _swapped(cuts, game.other, game.row, differing)
    scores, at, found = score(rows), 0, []
    for game, differing in zip(games, columns, strict=True):
        count = len(differing)
        last, first = scores[at : at + count], scores[at + count : at + 2 * count]
        at += 2 * count
        base = game.other_log_odds
        gains = [
            (game.log_odds - without + alone - base) / 2
            for without, alone in zip(last, first, strict=True)
        ]
        found.append(Values(_adding_up(game, dict(zip(differing, gains, strict=True))), {}))
    return found


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


def any_order(cuts: RowPieces, games: Sequence[Versus], score: ScoreRows) -> list[Values]:
    """Values where any number of columns may have a term of their own."""
    found = []
    for number, game in enumerate(games):
        columns = cuts.differing(game.row, game.other)
        if len(columns) <= ALL_SETS:
            found.append(_of_all_sets(cuts, game, columns, score))
        else:
            found.append(_of_drawn_orders(cuts, game, columns, score, number))
    return found


def _of_all_sets(cuts: RowPieces, game: Versus, columns: Sequence[int], score: ScoreRows) -> Values:
    """The definition: each column's gain to each set without it, weighted."""
    count = len(columns)
    sets = [frozenset(s) for size in range(count + 1) for s in combinations(columns, size)]
    scored = score([cuts.mixed(game.row, game.other, each) for each in sets])
    worth = dict(zip(sets, scored, strict=True))
    worth |= {sets[0]: game.other_log_odds, sets[-1]: game.log_odds}
    orders = math.factorial(count)
    weights = [math.factorial(s) * math.factorial(count - s - 1) / orders for s in range(count)]
    values = {
        column: math.fsum(
            weights[len(each)] * (worth[each | {column}] - worth[each])
            for each in sets
            if column not in each
        )
        for column in columns
    }
    return Values(_adding_up(game, values), {})


def _of_drawn_orders(
    cuts: RowPieces, game: Versus, columns: Sequence[int], score: ScoreRows, number: int
) -> Values:
    """The mean gain over orders that are drawn, and the variance of that mean."""
    draw = random.Random(SEED + number)  # noqa: S311  # the same for every row and every server
    orders = []
    for _ in range(ORDERS):
        order = list(columns)
        draw.shuffle(order)
        orders += [order, order[::-1]]
    begun = [frozenset(order[:size]) for order in orders for size in range(1, len(order))]
    scores = iter(score([cuts.mixed(game.row, game.other, each) for each in begun]))
    gains: dict[int, list[float]] = {column: [] for column in columns}
    for order in orders:
        before = game.other_log_odds
        for column in order[:-1]:
            now = next(scores)
            gains[column].append(now - before)
            before = now
        gains[order[-1]].append(game.log_odds - before)
    means = {column: math.fsum(of) / len(of) for column, of in gains.items()}
    variances = {}
    for column, of in gains.items():
        pairs = [(one + other) / 2 for one, other in zip(of[::2], of[1::2], strict=True)]
        spread = math.fsum((each - means[column]) ** 2 for each in pairs)
        variances[column] = spread / (ORDERS - 1) / ORDERS
    return Values(_adding_up(game, means), variances)
