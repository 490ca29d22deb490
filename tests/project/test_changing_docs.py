"""The page on changing a running model: its costs are the table's, its commands are there."""

from __future__ import annotations

import re
import shlex

import pytest
import typer.main

from converters.changes.costs import Cost, consequence
from serve.cli import app
from tests.support import ROOT
from tests.support.config_keys import KEYS

PAGE = (ROOT / "docs" / "changing.md").read_text(encoding="utf-8")
ROWS = [
    (re.findall(r"`([a-z_.]+)`", keys), (cost, run))
    for keys, cost, run in re.findall(r"^\| (`[a-z].*?) \| (.*?) \| (.*?) \|", PAGE, re.MULTILINE)
]
COSTS = {key: row for keys, row in ROWS for key in keys}
COMMANDS = sorted(set(re.findall(r"^freshet .*$|(?<=`)freshet [^`]*(?=`)", PAGE, re.MULTILINE)))


@pytest.mark.parametrize("key", KEYS)
def test_the_cost_of_every_key(key: str) -> None:
    """The row of a key, or of its section, names what a change costs and what to start again."""
    named = key
    while named not in COSTS:
        assert named, f"{key} is in no row"
        named = named.rpartition(".")[0]
    (cost, run), follows = COSTS[named], consequence(key)
    assert cost == follows.cost
    assert cost == Cost.MODEL or all(process in run for process in follows.restart)


def test_no_other_key() -> None:
    """Every row is about keys that there are."""
    assert len(COSTS) > 20
    for named in COSTS:
        assert any(f"{key}.".startswith(f"{named}.") for key in KEYS), named


@pytest.mark.parametrize("text", COMMANDS)
def test_commands_and_options_are_there(text: str) -> None:
    """Each command that the page names exists, with its options."""
    _, *words = shlex.split(text)
    command = typer.main.get_command(app)
    while inner := getattr(command, "commands", None):
        command = inner[words.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= options
