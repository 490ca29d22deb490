"""What late labels cost: the year's flights scored at, 1, 4 and 24 hours before departure.

Labels come at landing. Each run is one ``freshet backfill`` of the whole year with
``--score-ahead``; AUC is scikit-learn's, over the scores that the command wrote and the labels of
the file, for the flights from April to December.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.table import Measured
from benchmarks.year import LATE, Year

# By the hours ahead at which the scores are asked for: what an earlier, independent run of Vowpal
# Wabbit alone came to.
KNOWN = {0: 0.753, 1: 0.737, 4: 0.700, 24: 0.663}
TOLERANCE = 0.003


def run() -> list[Measured]:
    """The table's lines about scores asked ahead."""
    with tempfile.TemporaryDirectory() as folder:
        year = Year(Path(folder))
        return [_ahead(year, hours, known) for hours, known in KNOWN.items()]


def _ahead(year: Year, hours: int, known: float) -> Measured:
    ahead = ("--score-ahead", str(3600 * hours))
    report, scores = year.backfill(f"ahead-{hours}", *LATE, *ahead)
    if report["learned"] != len(year.flights):
        raise SystemExit(f"Only {report['learned']:,} flights were learned.")
    late, score = year.late[year.measured], scores[year.measured]
    auc = float(roc_auc_score(late, score))
    return Measured(
        f"AUC April to December, labels at landing, scored {hours} h before departure",
        *(auc, "", f"{known:.3f} less {TOLERANCE}", auc >= known - TOLERANCE),
        f"log loss {log_loss(late, score):.4f} of {len(late):,} flights; over the whole year "
        f"Freshet reports AUC {report['auc']:.4f}, log loss {report['log_loss']:.4f}",
        digits=4,
    )
