"""Homes that older versions left in the middle of their work are continued as those would have.

``home`` was made by ``older_home/make.sh`` with the version at commit 64a3360, ``pending`` by
``older_home/make_pending.sh`` with that at 0197a6e, the last whose registry had the first shape.
The same versions then made what is expected:
``PYTHONPATH=OLDER python -P tests/test_older_home.py NAME > tests/older_home/NAME.json``.
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

import pytest
from typer.testing import CliRunner

from serve.cli import app

OLDER = Path(__file__).parent / "older_home"
# In this order: each command works on what those before it have left.
COMMANDS = {
    "home": (
        "models --json",
        "learn --until-end --json",
        "replay-dead-letters corrected.csv --json",
        "learn --until-end --json",
        "scores",
        "dead-letters",
        "report --json",
        "compare --json",
        "backfill log --scores scores.csv --json",
        "rollback 1 --reason checked --json",
        "score four.csv",
    ),
    # The learner takes the promoted backfill first; a second one is promoted at the end.
    "pending": (
        "models --json",
        "learn --until-end --json",
        "scores",
        "report --json",
        "backfill log --scores scores.csv --json",
        "rollback 1 --reason checked --json",
        "promote 4 --reason checked --json",
        "learn --until-end --json",
        "unpin --reason checked --json",
        "models --json",
    ),
}
# The one figure that differs from run to run.
SPEED = "events_per_second"
WARNING = re.compile(r"\[(warning|error|critical)|\bWarning: |^freshet: ")


def continued(name: str, folder: Path) -> dict[str, Any]:
    """What each command answers on a copy of a home in this folder, and what it warns of."""
    with tarfile.open(OLDER / f"{name}.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    with contextlib.chdir(folder):
        answered = {
            f"{number} {command}": run(command) for number, command in enumerate(COMMANDS[name], 1)
        }
        return {**answered, "scores.csv": digest(Path("scores.csv").read_bytes())}


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


def without_more(answered: Any, wanted: Any) -> Any:
    """What is answered, without the figures that the older version did not know."""
    if isinstance(wanted, dict) and isinstance(answered, dict):
        return {name: without_more(answered.get(name), value) for name, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(answered, list) and len(wanted) == len(answered):
        return [without_more(*both) for both in zip(answered, wanted, strict=True)]
    return answered


@pytest.mark.parametrize("name", COMMANDS)
def test_an_older_home_is_continued_as_by_the_version_that_made_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same models, scores, dead letters and reports to the last bit, without a warning."""
    # That version gave up none so early; by its `keep = 3` the first would be gone now.
    monkeypatch.setenv("FRESHET_CHECKPOINT__KEEP", "20")
    expected = json.loads((OLDER / f"{name}.json").read_text("utf-8"))
    for (command, answered), wanted in zip(
        continued(name, tmp_path).items(), expected.items(), strict=True
    ):
        assert (command, without_more(answered, wanted[1])) == wanted


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        json.dump(continued(sys.argv[1], Path(folder)), sys.stdout, indent=1)
