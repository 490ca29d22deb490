"""How well ``init`` chooses: what it writes, on many streams, beside other ways and other learners.

``init`` sees the first 5,000 rows of a stream (of a short one, half); all are measured over the
rows behind them, the same ones, each scored before it was learned. Log loss is of scores clipped to
[1e-6, 1 - 1e-6]; a row that Freshet would refuse counts as scored with the share of positives among
the first rows.

python -m benchmarks.quality [--fresh] [--streams NAME ...] [--rivals NAME ...] prints the table by
stream. What was measured is kept in ``.cache/quality``, so that a run can be stopped and taken up
again, until the stream's rows or ``VERSION`` change: measure anew where Freshet has changed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks import rivals
from benchmarks.init_ways import Rows, Shown, read_rows, schema_of
from benchmarks.quality_lines import (
    AFTER,
    BEFORE,
    BOOSTED,
    BOOSTED_SLOWLY,
    FOREST,
    LINEAR,
    Found,
    Side,
    by_stream,
    lines,
)
from benchmarks.rivals import Table
from benchmarks.streams.catalogue import STREAMS, Stream, csv_file
from benchmarks.streams.digests import DIGESTS
from benchmarks.table import Measured, print_table
from tests.support import ROOT

Floats = npt.NDArray[np.float64]

KEPT = ROOT / ".cache" / "quality"
# Of what is kept: another one where anything that is measured has changed.
VERSION = 1
CLIP = 1e-6


@dataclass(frozen=True)
class Judge:
    """Measures scores over the rows that were not shown to init."""

    rows: Rows

    def side(
        self, scores: Floats, seconds: float | None = None, most: int | None = None
    ) -> dict[str, Any]:
        """What scores come to.

        Args:
            scores: of each row, or of the first ones; nan where one was refused.
            seconds: that all rows took.
            most: how many rows to look at.
        """
        shown = self.rows.shown
        positive = self.rows.positive[shown : most or len(scores)]
        share = float(self.rows.positive[:shown].mean())
        filled = np.where(np.isnan(scores), share, scores)[shown : most or len(scores)]
        filled = np.clip(filled, CLIP, 1 - CLIP)
        return asdict(
            Side(
                auc=float(roc_auc_score(positive, filled)),
                loss=float(log_loss(positive, filled)),
                rows_a_second=len(scores) / seconds if seconds else None,
            )
        )


def _measure_ways(stream: Stream, rows: Rows) -> dict[str, Any]:
    """What init writes, wrote, and might have written."""
    judge = Judge(rows)
    with tempfile.TemporaryDirectory() as folder:
        init = Shown(stream, rows, Path(folder))
        text, taken, seconds = init.now()
        after, before = init.learned(text), init.learned(init.before())
        learned = {name: init.learned(each) for name, each in init.by_way().items()}
    most = min(rivals.FOREST_ROWS, len(rows.cells))
    return {
        "stream": stream.name,
        "measured": len(rows.cells) - rows.shown,
        "refused": int(np.isnan(after.scores[rows.shown :]).sum()),
        "taken": taken,
        "init_seconds": seconds,
        "config": text,
        "ways": {name: judge.side(each.scores, each.seconds) for name, each in learned.items()},
        "sides": {
            BEFORE: judge.side(before.scores, before.seconds),
            AFTER: judge.side(after.scores, after.seconds),
        },
        "early": judge.side(after.scores, most=most),
    }


def _linear(table: Table, rows: Rows) -> dict[str, Any]:
    return {LINEAR: Judge(rows).side(*rivals.logistic_regression(table, rows))}


def _boosted(table: Table, rows: Rows) -> dict[str, Any]:
    judge = Judge(rows)
    return {
        BOOSTED: judge.side(rivals.by_default(table, rows)),
        BOOSTED_SLOWLY: judge.side(rivals.as_on_flights(table, rows)),
    }


def _forest(table: Table, rows: Rows) -> dict[str, Any]:
    found = rivals.forest(table, rows)
    return {FOREST: None if found is None else Judge(rows).side(*found)}


# After what init writes, the cheapest first: each is kept as soon as it is measured.
RIVALS = {"linear": _linear, "boosted": _boosted, "forest": _forest}


def measured(stream: Stream, rival: str | None = None, *, fresh: bool = False) -> Found:
    """The figures of a stream, kept or measured anew.

    Args:
        stream: the stream.
        rival: a key of ``RIVALS`` to measure too; None for what init writes alone.
        fresh: whether to measure all anew.
    """
    kept = KEPT / f"{stream.name}-{DIGESTS[stream.name][:12]}-{VERSION}.json"
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() and not fresh else {}
    if not known:
        known = {**_measure_ways(stream, read_rows(stream, csv_file(stream))), "rivals": []}
        _keep(kept, known)
    if rival is not None and rival not in known["rivals"]:
        rows = read_rows(stream, csv_file(stream))
        known["sides"] |= RIVALS[rival](Table(schema_of(known["config"]), rows), rows)
        known["rivals"].append(rival)
        _keep(kept, known)
    return Found.of(known)


def _keep(path: Path, known: dict[str, Any]) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(known), encoding="utf-8")
    unfinished.replace(path)


def all_measured(
    streams: Iterable[Stream], rivals_too: Iterable[str] = RIVALS, *, fresh: bool = False
) -> list[Found]:
    """What init writes on all streams, and then rival by rival."""
    streams = list(streams)
    found = [measured(stream, fresh=fresh) for stream in streams]
    for rival in rivals_too:
        found = [measured(stream, rival) for stream in streams]
    return found


def run() -> list[Measured]:
    """The table's lines about what init proposes."""
    return lines(all_measured(STREAMS))


def main() -> None:
    """Print the table by stream, and the lines."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.quality")
    asked.add_argument("--fresh", action="store_true", help="measure anew what is kept")
    asked.add_argument("--streams", nargs="+", choices=[s.name for s in STREAMS], metavar="NAME")
    asked.add_argument("--rivals", nargs="*", choices=list(RIVALS), default=list(RIVALS))
    given = asked.parse_args()
    streams = [s for s in STREAMS if given.streams is None or s.name in given.streams]
    found = all_measured(streams, given.rivals, fresh=given.fresh)
    print("\n".join(by_stream(found)))
    print_table(lines(found))


if __name__ == "__main__":
    main()
