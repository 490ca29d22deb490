"""The command ``status``: one screen that says how a model is, and what needs a person."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from converters.show.command_line import (
    DEFAULT_CONFIG,
    Config,
    Json,
    as_given,
    print_json,
    read_config,
)

Running = Annotated[
    bool, typer.Option("--running", help="Warn also of a learner that was stopped, or never ran.")
]


def status(running: Running = False, config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """Print what needs attention, then the state.

    Reads only. Exit status 1 if there is a warning, that is something that needs a person.
    """
    from learners.status.one_screen import screen
    from learners.status.overview import status_document
    from learners.status.troubles import not_running

    settings, _ = read_config(config, only_read=True)
    state = status_document(settings)
    idle = not_running(state)
    if running and idle is not None:
        state["warnings"].append(idle)
    if json:
        print_json(state)
    else:
        sys.stdout.writelines(f"{as_given(line)}\n" for line in screen(state))
    if state["warnings"]:
        raise typer.Exit(1)
