"""What Vowpal Wabbit learns from ``convert --csv2vw`` is what it learns from csv2vw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import vowpalwabbit

from converters.convert.whole_file import Reject
from tests.support.rows.csv2vw_files import FLAGS, fast, flights, plain

CASES = Path(__file__).parent / "cases"
RUNS = json.loads((CASES / "cases.json").read_text(encoding="utf-8"))
# The runs whose first line would be misread.
WHOLLY_REFUSED = {12, 13, 15, 18}


@pytest.mark.parametrize("number", [*sorted({*range(len(RUNS))} - WHOLLY_REFUSED), None])
def test_vw_learns_the_same(number: int | None) -> None:
    """Vowpal Wabbit's loss is the same number on our text and on csv2vw's for the rows we take."""
    content, flags = flights(3_000), FLAGS
    if number is not None:
        content, flags = (CASES / RUNS[number]["csv"]).read_bytes(), RUNS[number]["args"]
    rejects: list[Reject] = []
    ours = fast(content, flags, rejects=rejects)
    refused_lines = {reject.line for reject in rejects}
    lines = content.splitlines(keepends=True)
    taken = b"".join(line for at, line in enumerate(lines, 1) if at not in refused_lines)
    theirs = plain(taken, flags)[0]
    assert ours.count(b"\n") == theirs.count(b"\n") == taken.count(b"\n") - ("-H" not in flags)
    assert _loss(ours.decode()) == _loss(theirs.decode())


def _loss(text: str) -> float:
    workspace = vowpalwabbit.Workspace("--quiet")
    for line in text.splitlines():
        workspace.learn(line)
    loss = float(workspace.get_sum_loss())
    workspace.finish()
    return loss
