"""``freshet check`` holds no more of a large file than of a small one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

LARGE_ROWS, SMALL_ROWS = 1_200_000, 400_000
MOST_MEGABYTES = 100
PROGRAM = """
import sys, typer
from converters.commands.check import check
app = typer.Typer()
app.command()(check)
app([sys.argv[1], "--html", sys.argv[1] + ".html"], standalone_mode=False)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmHWM"].split()[0], file=sys.stderr)
"""


def write_unique(path: Path, rows: int) -> None:
    """A file of 20 columns in which hardly a value comes twice, and its config beside it."""
    names = [f"{kind}{number}" for kind in "nc" for number in range(9)]
    kinds = {"n": "numeric", "c": "categorical"}
    columns = "".join(f'{name} = {{ kind = "{kinds[name[0]]}" }}\n' for name in names)
    (path.parent / "freshet.toml").write_text(
        'model = "m"\nlabel = { positive = ["1"], negative = ["0"] }\n[columns]\n'
        f'id = {{ role = "id" }}\nlate = {{ role = "label" }}\n{columns}',
        encoding="utf-8",
    )
    steps = [48_271 * (2 * number + 1) for number in range(18)]
    with path.open("w", encoding="utf-8") as file:
        file.write(f"id,late,{','.join(names)}\n")
        for row in range(rows):
            cells = [(row * step + 1) % 2_147_483_647 for step in steps]
            numbers, words = map(str, cells[:9]), (f"k{cell:x}" for cell in cells[9:])
            file.write(f"{row},{row % 2},{','.join(numbers)},{','.join(words)}\n")


def peak(path: Path) -> float:
    """The most memory of a report on a file, in megabytes.

    Not getrusage's ru_maxrss: that is at least what the test's own process held at the fork.
    """
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, path.name],
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return int(result.stderr.split()[-1]) / 1024


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.timeout(1200)
def test_memory_is_bounded(tmp_path: Path) -> None:
    """Under 100 MB where every value is unique, and no more for three times the rows."""
    found = []
    for rows in (SMALL_ROWS, LARGE_ROWS):
        path = tmp_path / str(rows) / "rows.csv"
        path.parent.mkdir()
        write_unique(path, rows)
        found.append(peak(path))
    assert found[1] <= MOST_MEGABYTES, found
    assert found[1] <= found[0] + 5, found
