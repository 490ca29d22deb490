"""What ``vw --audit`` prints of a file of lines: each line's features by name, and its crosses.

The audit shows names, which the library's own examples do not hold, but only six digits of a
value; :class:`tests.support.learning.vw_reading.VwReader` has the values. It is printed by a
process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_PROGRAM = """
import sys, vowpalwabbit
vowpalwabbit.Workspace(arg_list=sys.argv[1:]).finish()
"""
_ARGS = ("--audit", "--testonly", "--quiet", "--loss_function", "logistic", "--link", "logistic")


class Shown(NamedTuple):
    """A feature or a cross as the audit shows it: its name with namespaces, and its value."""

    name: str
    value: float


def audit(lines: Sequence[str], folder: Path, pairs: Sequence[str] = ()) -> list[str]:
    """The audit's text of each line.

    Args:
        lines: as the converter writes them.
        folder: where a file may be written.
        pairs: the namespaces that are crossed, two letters each.
    """
    path = folder / "lines.vw"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    crossed = [part for pair in pairs for part in ("--interactions", pair)]
    args = [*_ARGS, "-d", str(path), *crossed]
    run = subprocess.run([sys.executable, "-c", _PROGRAM, *args], capture_output=True, check=True)
    scores_and_features = run.stdout.decode().split("\n")[:-1]
    assert len(scores_and_features) == 2 * len(lines), run.stderr.decode()[-500:]
    return scores_and_features[1::2]


def shown(audited: str) -> list[Shown]:
    """All that a line's audit shows, with the constant, which comes before the crosses."""
    found = []
    for feature in audited.split("\t")[1:]:
        name, _hash, value, _weight = feature.rsplit(":", 3)
        found.append(Shown(name, float(value)))
    return found
