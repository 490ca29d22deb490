"""The rows that a snapshot keeps: which they are, and that they are always the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.config.learning_settings import LateLabelSettings
from learners.explain.feature_names import names_file, read_names
from learners.explain.kept_rows import (
    HALF_LIFE,
    KEPT_ROWS,
    LONGEST_LINE,
    KeptRows,
    kept_lines,
)
from learners.registry.row_types import Start
from learners.snapshots.store import SnapshotStore
from stream.checkpoints import checkpoint
from stream.fold import run_planner
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.log.batch import EventRows, Taken, batch_of
from stream.resolved_config import ResolvedConfig
from tests.support.streams.folds import EVENTS, context, saved_and_loaded, stream, taken


def with_kept(most: int, **late: Any) -> ResolvedConfig:
    """A config that keeps so many rows."""
    return context(LateLabelSettings(**late), 5, explain={"kept_rows": most})


def lines_of(fold: Pipeline, made_for: ResolvedConfig, folder: Path) -> list[str]:
    """What a snapshot keeps, read as a server does it."""
    store = SnapshotStore(folder)
    with (
        checkpoint.saved(
            store, made_for, fold, Start({}, {}, 0), None, learned_something=True
        ) as c,
        store.open(c.snapshot, only=(), if_there={KEPT_ROWS}) as snapshot,
    ):
        return kept_lines(snapshot.path)


def rows(count: int) -> list[Taken]:
    """Records of one row each, with a label, its number as a feature; every tenth is long."""
    texts = [f"0.5 | n={n}" + " x" * LONGEST_LINE * (n % 10 == 0) for n in range(count)]
    return [
        EventRows(EVENTS, n, 10**6 + n, [("", n % 2, texts[n])], [("f", "1")]) for n in range(count)
    ]


@pytest.mark.parametrize("records", [rows(300), stream(300)], ids=["at once", "late"])
def test_they_are_the_same_however_the_stream_is_cut(
    records: list[Taken], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one batch or many, planned in one go or row by row, over restarts."""
    made_for, found = with_kept(9), []
    for fewest, cut in ((1, len(records)), (10**6, 7), (5, 20)):
        monkeypatch.setattr(run_planner, "FEWEST", fewest)
        fold = new_pipeline(made_for, 1)
        for begin in range(0, len(records), cut):
            taken(fold, records[begin : begin + cut])
            if cut == 20:
                fold = saved_and_loaded(fold, made_for, SnapshotStore(tmp_path / "s"))
        assert len(fold.kept.lines) == 9
        found.append((sorted(fold.kept.lines.items()), lines_of(fold, made_for, tmp_path / "t")))
        fold.close()
    assert found[0] == found[1] == found[2]
    numbered, lines = found[0]
    assert [line for _, line in numbered] == lines
    if records == rows(300):
        assert numbered == [(n, f"| n={n}") for n, _ in numbered]
        assert not any(n % 10 == 0 for n, _ in numbered)


def test_recent_rows_are_likelier() -> None:
    """After a half-life more, a row is there half as often; each row is drawn by itself."""
    kept, count = KeptRows(2_000), 4 * HALF_LIFE
    kept.see(0, count, lambda places: ["| x"] * places.size)
    ages = (count - 1 - np.array(list(kept.lines))) // HALF_LIFE
    shares = np.bincount(ages, minlength=4) / 2_000
    assert shares == pytest.approx(np.array([8, 4, 2, 1]) / 15, abs=0.035)


def test_none_are_kept_where_none_are_wanted(tmp_path: Path) -> None:
    """No file is written; and what an earlier config kept is gone then."""
    some, none = with_kept(5), with_kept(0)
    fold = new_pipeline(some, 1)
    taken(fold, rows(20))
    fold = saved_and_loaded(fold, some, SnapshotStore(tmp_path / "s"), none)
    taken(fold, rows(20))
    assert lines_of(fold, none, tmp_path / "t") == []
    fold = saved_and_loaded(fold, none, SnapshotStore(tmp_path / "s"), some)
    assert fold.kept.lines == {}
    fold.close()


def test_names_are_on_disk_before_the_checkpoint_is_named(tmp_path: Path) -> None:
    """A kill behind the commit loses none; one before it has their records read again."""
    made_for, store = with_kept(0), SnapshotStore(tmp_path / "s")
    fold = new_pipeline(made_for, 1)
    fold.take(replace(batch_of(rows(3), {}), features=["n=0", "n=1"]))
    with checkpoint.saved(
        store, made_for, fold, Start({}, {}, 0), None, learned_something=True
    ) as commit:
        assert read_names(names_file(store.folder, commit.schema_hash)) == ["n=0", "n=1"]
    fold.close()
