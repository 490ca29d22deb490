"""Arguments of Vowpal Wabbit that are not taken by default, or not at all, beside those that are.

Plain Vowpal Wabbit learns the ready text of some streams, each row scored and then learned; what an
argument gains is by how much the log loss and AUC of the rows behind the first 5,000 differ from
those of ``--coin`` on the same text. Reductions that give no probability are judged by their order
alone.

python -m benchmarks.vw_arguments [STREAM ...]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss, roc_auc_score
from vowpalwabbit.pyvw import Workspace

from benchmarks.init_ways import Rows, Shown, read_rows, schema_of
from benchmarks.streams.catalogue import STREAMS, csv_file
from converters.cells.refusal import Refusal
from converters.convert.row_block import LABELLED
from converters.convert.to_vw_text import compile_schema
from learners.vw.arguments import vw_spec

Floats = npt.NDArray[np.float64]

STREAMS_TRIED = ("flights-ua", "mpls-stops", "nass-cds", "adult", "hyperplane", "rbf")
MOST_ROWS = 40_000
# By the text that they learn: bins with all pairs crossed, or bins alone.
PAIRS: tuple[str, ...] = (
    "",
    "--coin",
    "-l 0.1",
    "-l 2",
    "--power_t 0",
    "--power_t 0.3",
    "--ftrl",
    "--nn 5",
)
PAIRS += ("--boosting 10",)
BINS = ("--coin", "--lrq", "--stage_poly", "--nn 5", "--boosting 10")
BASE = ("pairs", "--coin")


class Tried(NamedTuple):
    """What arguments came to on a stream."""

    auc: float
    loss: float | None
    rows_a_second: float


def tried(lines: Sequence[tuple[int, str]], args: Sequence[str], shown: int) -> Tried:
    """Score and learn lines, each with its label, 1 or -1."""
    workspace = Workspace(arg_list=list(args))
    scores, began = np.zeros(len(lines)), process_time()
    try:
        for n, (_, line) in enumerate(lines):
            example = workspace.example(line)
            workspace.learn(example)
            scores[n] = example.get_simplelabel_prediction()
            workspace.finish_example(example)
    finally:
        workspace.finish()
    spent = process_time() - began
    positive = np.array([label == 1 for label, _ in lines])[shown:]
    found = np.nan_to_num(scores[shown:])
    is_share = bool(((found >= 0) & (found <= 1)).all())
    clipped = np.clip(found, 1e-6, 1 - 1e-6)
    return Tried(
        float(roc_auc_score(positive, found)),
        float(log_loss(positive, clipped)) if is_share else None,
        len(lines) / spent,
    )


def _lines(rows: Rows, text: str) -> list[tuple[int, str]]:
    convert = compile_schema(schema_of(text)).row
    found = (convert(cells) for cells in rows.cells[:MOST_ROWS])
    return [
        (1 if row[1] else -1, LABELLED[row[1]] + row[2])
        for row in found
        if not isinstance(row, Refusal) and row[1] is not None
    ]


def _ways(text: str, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each argument with the complete ones of Vowpal Wabbit."""
    schema = schema_of(text)
    letters = sorted({each for pair in schema.interactions for each in pair})
    for own in PAIRS if name == "pairs" else BINS:
        crossed = schema.interactions if name == "pairs" else ()
        base = vw_spec("-b 20 --coin" if own == "--coin" else "-b 20", crossed).args
        if own == "--lrq":
            pairs = [f"{a}{b}4" for a in letters[:6] for b in letters[:6] if a < b]
            further = [part for pair in pairs for part in ("--lrq", pair)]
        else:
            further = [] if own == "--coin" else own.split()
        if own == "--ftrl":
            base = tuple(a for a in base if a not in ("--adaptive", "--normalized", "--invariant"))
        yield own or "gradient descent", (*base, *further, "--quiet")


def main(names: Sequence[str]) -> None:
    """Print a line for each argument."""
    found: dict[tuple[str, str], list[Tried]] = {}
    for stream in [s for s in STREAMS if s.name in names]:
        rows = read_rows(stream, csv_file(stream))
        with tempfile.TemporaryDirectory() as folder:
            text = Shown(stream, rows, Path(folder)).by_way()["pairs"]
        lines = _lines(rows, text)
        for name in ("pairs", "bins"):
            for own, args in _ways(text, name):
                found.setdefault((name, own), []).append(tried(lines, args, rows.shown))
                print(stream.name, name, own, found[name, own][-1], flush=True)
    base = found[BASE]
    print("| text | arguments | AUC | log loss | rows/s |\n|---|---|---|---|---|")
    for (name, own), each in found.items():
        auc = fmean(a.auc - b.auc for a, b in zip(each, base, strict=True))
        both = [(a.loss, b.loss) for a, b in zip(each, base, strict=True)]
        known = [a - b for a, b in both if a is not None and b is not None]
        loss = f"{fmean(known):+.4f}" if len(known) == len(both) else "no probability"
        speed = fmean(a.rows_a_second / b.rows_a_second for a, b in zip(each, base, strict=True))
        print(f"| {name} | `{own}` | {auc:+.4f} | {loss} | {speed:.2f}x |")


if __name__ == "__main__":
    main(sys.argv[1:] or STREAMS_TRIED)
