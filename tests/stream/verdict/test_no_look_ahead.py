"""No contender's score of a row depends on what comes later, or on labels that were not known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from converters.cells.times import time_ms
from converters.config.settings import CsvSettings
from converters.convert.to_vw_text import unlabelled
from converters.files.csv_file import open_csv
from converters.init.declared import Declared
from learners.choose import create
from learners.selection.progressive import Order, Progression
from stream.verdict.columns import Columns, read_columns
from stream.verdict.contenders import Trial
from stream.verdict.first_part import FirstPart, Proposed
from stream.verdict.footing import Clock, Footing, in_order
from stream.verdict.online import learned

pytest.importorskip("lightgbm")
ROWS, FIRST, MINUTE = 2_400, 800, 60
DECLARED = Declared("y", ("1",), time_column="t", label_time="known")
LATE = Clock(time="t", label_time="known")


def written(path: Path, *, changed_from: int = ROWS, late: float = 400.0) -> Path:
    """A stream whose law turns round, its rows shuffled; some of it may be another stream's."""
    dice, lines = random.Random(4), list[str]()
    for n in range(ROWS):
        a, shape, at = dice.gauss(0, 1), dice.choice("xyz"), 1_600_000_000 + n * MINUTE
        law = -1 if n > ROWS / 2 else 1
        positive = dice.random() < 1 / (1 + math.exp(-law * 2 * a - (shape == "x")))
        if n >= changed_from:
            a, positive, shape = 9.0, not positive, "new"
        known = at + dice.expovariate(1 / (late * MINUTE)) if late else at
        lines.append(f"{at},{a:.3f},{shape},{known:.0f},{int(positive)}\n")
    head, tail = lines[:FIRST], lines[FIRST:]
    dice.shuffle(head)
    path.write_text("".join(["t,a,shape,known,y\n", *head, *tail]), encoding="utf-8")
    return path


def columns_of(path: Path) -> Columns:
    """The rows of a file."""
    with open_csv(str(path), CsvSettings()) as file:
        return read_columns(file, 0, lambda _: None)


def standing(path: Path, proposed: Proposed | None, clock: Clock) -> tuple[Footing, Proposed]:
    """A file's rows, and what init proposes for the first part."""
    rows = in_order(columns_of(path), clock)
    if proposed is None:
        shown = rows.columns.taken(np.arange(FIRST))
        proposed = FirstPart(shown, "rows.csv", DECLARED, path.parent).proposed(60.0)
    return rows.footing(proposed.init.schema, FIRST), proposed


@contextmanager
def silent(_: str) -> Iterator[Callable[[int], None]]:
    """No progress."""
    yield lambda _: None


@pytest.mark.parametrize("clock", [LATE, Clock(time="t")], ids=["late", "at once"])
def test_later_rows_and_unknown_labels_change_no_earlier_score(
    tmp_path: Path, clock: Clock
) -> None:
    """Rows from a place on are others, and labels not known by then too: before it all is equal."""
    place = 1_700
    footing, proposed = standing(written(tmp_path / "a.csv"), None, clock)
    others, _ = standing(written(tmp_path / "b.csv", changed_from=place), proposed, clock)
    if others.labelled is not None:  # and labels of earlier rows that come later
        unknown = ~footing.known_at(place) & (np.arange(ROWS) < place)
        assert unknown.sum() > 100
        others.positive[unknown] ^= True
    scores = [
        {each.name: each.scores for each in Trial(each_footing, proposed, silent, {}).contenders()}
        for each_footing in (footing, _with_labels_of(others, footing))
    ]
    assert list(scores[0]) == list(scores[1])
    for name, before in scores[0].items():
        if name != "labels at once":
            np.testing.assert_array_equal(before[:place], scores[1][name][:place], name)
            assert not np.array_equal(before[FIRST:], scores[1][name][FIRST:]), name


def _with_labels_of(others: Footing, footing: Footing) -> Footing:
    """Its labels written into the cells too, which is what online learners read."""
    column = others.columns.by_name["y"]
    codes = np.array([column.values.index(str(int(each))) for each in others.positive], np.int32)
    column.codes[:] = codes
    assert len(others) == len(footing)
    return others


def test_a_row_is_learned_when_its_label_comes(tmp_path: Path) -> None:
    """The scores are those of one call a row: label by label, row by row; and of a copy's."""
    footing, proposed = standing(written(tmp_path / "a.csv"), None, LATE)
    config = proposed.init
    found = learned(config, footing, footing.order(), lambda _: None, copied=True)
    reading = Progression(config.schema, config.spec)
    every = Order.of(ROWS).parts()
    lines = [line for part in every for line in reading.taken(part, footing.columns.rows)[1]]
    assert len(lines) == ROWS
    plain, copy, labelled = create(config.spec), create(config.spec), footing.labelled
    assert labelled is not None
    assert footing.known is not None
    known = zip(footing.known.tolist(), labelled.tolist(), strict=True)
    queue = sorted((at, place, n) for n, (at, place) in enumerate(known))
    for row in range(ROWS):
        while queue and queue[0][1] <= row:
            line = lines[queue.pop(0)[2]]
            plain.step([line])
            if row <= FIRST:
                copy.step([line])
        features = [unlabelled(lines[row].partition(" ")[2])]
        assert plain.step(features) == [found.scores[row]]
        if row >= FIRST:
            assert copy.predict(features) == [found.frozen[row]]


def test_the_base_rate_is_of_the_labels_that_were_known(tmp_path: Path) -> None:
    """By counting anew at each row."""
    footing, _ = standing(written(tmp_path / "a.csv"), None, LATE)
    assert footing.happened is not None
    assert footing.known is not None
    for row in range(0, ROWS, 97):
        known = (footing.known <= footing.happened[row]) & (np.arange(ROWS) < row)
        share = (footing.positive[known].sum() + 0.5) / (known.sum() + 1)
        assert footing.base_rate[row] == pytest.approx(share)


def test_rows_are_taken_in_order_of_time(tmp_path: Path) -> None:
    """Whatever their order in the file; those without a time are counted."""
    path = written(tmp_path / "a.csv")
    path.write_text(path.read_text() + ",1,x,,1\nnever,1,x,,0\nshort\n", encoding="utf-8")
    found = in_order(columns_of(path), LATE)
    cells = [row[0] for row in found.columns.rows()]
    assert cells == sorted(cells)
    assert found.happened is not None
    assert found.happened.tolist() == [time_ms(cell) for cell in cells]
    assert found.columns.left_out == {"whose time cannot be read": 2, "wrong-width": 1}


def test_times_are_read_in_the_zone_of_the_config(tmp_path: Path) -> None:
    """Those that name none, of events and of labels; as the learner would read them."""
    path = tmp_path / "a.csv"
    path.write_text("t,known,y\n2026-01-01T00:00:00,2026-01-01T05:30:00Z,1\n", encoding="utf-8")
    found = in_order(columns_of(path), Clock("t", zone="America/New_York", label_time="known"))
    assert found.happened is not None
    assert found.known is not None
    assert (found.known - found.happened).tolist() == [1_800_000]
