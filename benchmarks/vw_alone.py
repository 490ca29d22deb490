"""The limit: Vowpal Wabbit alone on the ready text, in blocks. Run as a process of its own.

    python -m benchmarks.vw_alone FILE

The file is what :mod:`benchmarks.ready_text` wrote: the models' arguments, then the very lines that
Freshet's learner got. Prints seconds of processor time of all models together, over every line and
over the labelled ones alone, and the hash of the first model: it is Freshet's own.
"""

from __future__ import annotations

import gc
import json
import sys
from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from vowpalwabbit.pyvw import Workspace, pylibvw

BLOCK_LINES = 256


def main(path: str) -> None:
    """Learn the file and print what it took."""
    header, *lines = Path(path).read_text(encoding="utf-8").splitlines()
    gc.freeze()
    gc.disable()  # as while Freshet learns
    models: list[list[str]] = json.loads(header)
    labelled = [line for line in lines if not line.startswith("|")]
    cpu, digest = _learned(models, lines)
    once = cpu if len(labelled) == len(lines) else _learned(models, labelled)[0]
    print(json.dumps({"cpu": cpu, "once": once, "sha256": digest}))


def _learned(models: Sequence[list[str]], lines: Sequence[str]) -> tuple[float, str]:
    """Seconds of processor time of all models, and the hash of the first one's file."""
    starts = range(0, len(lines), BLOCK_LINES)
    blocks = ["\n".join([*lines[start : start + BLOCK_LINES], ""]) for start in starts]
    seconds, digest = 0.0, ""
    for arguments in models:
        workspace = Workspace(arg_list=arguments)
        began = process_time()
        for block in blocks:
            _block(workspace, block)
        seconds += process_time() - began
        digest = digest or _digest(workspace)
        workspace.finish()
    return seconds, digest


def _block(workspace: Any, block: str) -> list[float]:  # noqa: ANN401  # VW is untyped
    examples = workspace._parse(block)  # noqa: SLF001  # not public, and the fastest way
    deque(map(pylibvw.vw.learn, repeat(workspace), examples), maxlen=0)
    scores = list(map(pylibvw.example.get_simplelabel_prediction, examples))
    deque(map(pylibvw.vw._finish_example, repeat(workspace), examples), maxlen=0)  # noqa: SLF001
    return scores


def _digest(workspace: Any) -> str:  # noqa: ANN401
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        workspace.save(str(path))
        return sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1])
