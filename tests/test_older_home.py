"""A home that an older version left in the middle of its work is continued as that would have.

``older_home/make.sh`` made the home with that version, at commit 64a3360, which then also made
``expected.json``: ``PYTHONPATH=OLDER python -P tests/test_older_home.py > expected.json``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from serve.cli import app

OLDER = Path(__file__).parent / "older_home"
# In this order: each command works on what those before it have left.
COMMANDS = (
    "models --json",
    "learn --until-end --json",
    "replay-dead-letters corrected.csv --json",
    "learn --until-end --json",
    "scores",
    "dead-letters",
    "report --json",
    "compare --json",
    "backfill log --scores backfilled.csv --json",
    "rollback 1 --reason checked --json",
    "score four.csv",
)
# The one figure that differs from run to run.
SPEED = "events_per_second"
WARNING = re.compile(r"\[(warning|error|critical)|\bWarning: |^freshet: ")


def continued(home: Path) -> dict[str, Any]:
    """What each command answers on a copy of the home in this folder, and what it warns of."""
    with tarfile.open(OLDER / "home.tar.xz") as packed:
        packed.extractall(home, filter="data")
    with contextlib.chdir(home):
        answered = {
            f"{number} {command}": run(command) for number, command in enumerate(COMMANDS, 1)
        }
        return {**answered, "backfilled.csv": digest(Path("backfilled.csv").read_bytes())}


def run(command: str) -> dict[str, Any]:
    """The exit status of a command, its warnings, and what it prints, in short."""
    result = CliRunner().invoke(app, command.split())
    warnings = [line for line in result.stderr.splitlines() if WARNING.search(line)]
    answered = {"exit": result.exit_code, "warnings": warnings}
    if "--json" not in command:
        return {**answered, "sha256": digest(result.stdout)}
    printed = json.loads(result.stdout)
    documents = printed if isinstance(printed, list) else [printed]
    return {**answered, "json": [*map(figures, documents)]}


def figures(document: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a JSON document, of each contender its loss, and the model's hash."""
    kept = {
        name: value
        for name, value in document.items()
        if isinstance(value, (bool, int, float)) and name != SPEED
    }
    contenders = {
        name: contender["log_loss"] for name, contender in document.get("contenders", {}).items()
    }
    return {**kept, "losses": contenders, "model_sha256": document.get("model_sha256")}


def digest(content: str | bytes) -> str:
    """The SHA-256 of a text or of a file's bytes."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def test_an_older_home_is_continued_as_by_the_version_that_made_it(tmp_path: Path) -> None:
    """The same models, scores, dead letters and reports to the last bit, without a warning."""
    expected = json.loads((OLDER / "expected.json").read_text("utf-8"))
    for answered, wanted in zip(continued(tmp_path).items(), expected.items(), strict=True):
        assert answered == wanted


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        json.dump(continued(Path(folder)), sys.stdout, indent=1)
