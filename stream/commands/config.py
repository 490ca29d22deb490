"""``freshet config diff``: what an edited config changes against the model, and what to run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from converters.show.command_line import (
    DEFAULT_CONFIG,
    Config,
    Json,
    KafkaConfig,
    as_given,
    print_json,
    read_config,
)

if TYPE_CHECKING:
    from converters.changes.changes import Change
    from converters.config.settings import Settings
    from stream.config_diff.difference import Difference

app = typer.Typer(
    help="Compare an edited config with the model that has learned by another.",
    short_help="Compare an edited config with the model.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def options() -> None:
    """Take the commands' names: Typer would make a group of one command that command."""


@app.command()
def diff(
    version: Annotated[
        int | None,
        typer.Option(
            "--version", help="Compare with what this version was made by, not the learner's."
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Say what an edited config changes, what that costs, and what to run.

    Compares the config file and the environment with the config that the model has learned by.
    Nothing is written, and a learner may run meanwhile. Exit status 0: nothing has to be done, or
    only a process to be started again; 1: the learner refuses this config until the commands that
    are listed have been run.
    """
    from stream.config_diff.difference import difference
    from stream.config_diff.known_model import known_model
    from stream.resolved_config import resolve

    settings, schema = read_config(config, kafka_config, only_read=True)
    context = resolve(settings, schema)
    known = known_model(settings, config.resolve().parent, version)
    found = difference(context, known)
    if json:
        print_json(_document(settings.model, found))
    else:
        sys.stdout.write(as_given("\n".join(_lines(settings, found))) + "\n")
    if found.must_act:
        raise typer.Exit(1)


def _rebuild(found: Difference) -> str:
    """What gives the learner a lineage under the edited config."""
    if found.ready is not None:
        return f"freshet promote {found.ready} --follow --reason 'edited config'"
    if found.mostly_of_a_file:
        return "freshet backfill FILE --promote --follow"
    return "freshet backfill log --fresh --promote --follow"


def _commands(found: Difference) -> list[str]:
    """What to run, in order, before the learner goes on; moving things is not for a command."""
    from converters.changes.costs import Cost

    rebuilt = found.cost is Cost.LINEAGE
    return [_rebuild(found), "freshet learn"] if rebuilt else []


def _command(change: Change, found: Difference) -> str:
    """What to run, or to run again, so that a change takes effect."""
    from converters.changes.costs import Cost

    restart = change.follows.restart
    if change.cost is Cost.LINEAGE:
        return _rebuild(found)
    if change.cost is Cost.MODEL or not restart:
        return ""
    one = {"learner": "learn", "server": "serve"}[restart[0]]
    return f"freshet {one if len(restart) == 1 else 'up'}"


def _document(model: str, found: Difference) -> dict[str, Any]:
    known = found.known
    return {
        "model": model,
        "lineage": None if known is None else known.lineage.serial,
        "version": None if known is None else known.version,
        "changes": [
            {
                **{name: getattr(change, name) for name in ("key", "old", "new", "words", "cost")},
                "effect": change.follows.effect,
                "command": as_given(_command(change, found)) or None,
            }
            for change in found.changes
        ],
        "cost": found.cost,
        "must_act": found.must_act,
        "commands": [as_given(command) for command in _commands(found)],
        "restart": list(found.restart),
        "cautions": list(found.cautions),
        "unknown": list(found.unknown),
        "notes": list(found.notes),
    }


def _lines(settings: Settings, found: Difference) -> Iterator[str]:
    from converters.config.shown_url import shown_url

    if found.known is None:
        yield (
            f"No learner has begun the model '{settings.model}' in {shown_url(settings.registry)}: "
            "any config may begin it. If it had learned before, 'model', 'home' or 'registry' lead "
            "elsewhere now."
        )
        return
    if not found.changes and found.unknown:
        yield f"Nothing that can be compared differs. Not compared: {' '.join(found.unknown)}"
    elif not found.changes:
        yield "Nothing differs from the config that the model has."
    for change in found.changes:
        yield change.words
        yield f"    {change.cost}: {change.follows.effect}"
    yield from (f"Caution: {caution}" for caution in found.cautions)
    if found.changes:
        yield from (f"Not compared: {unknown}" for unknown in found.unknown)
    yield from (f"Note: {note}" for note in found.notes)
    if found.changes:
        yield from _ending(found)


def _ending(found: Difference) -> Iterator[str]:
    """The whole cost, and what to run."""
    commands = _commands(found)
    if commands:
        yield f"Cost: {found.cost}. The learner refuses this config until these have been run:"
        yield from (f"    {command}" for command in commands)
        yield "A learner that runs ends at the promotion; 'freshet up' starts it again by itself."
    elif found.must_act:
        yield (
            f"Cost: {found.cost}. With this config the learner stops, or begins with nothing. "
            "Restore those keys, or do what is said of them."
        )
    else:
        again = f" Start the {' and the '.join(found.restart)} again." if found.restart else ""
        yield f"Cost: {found.cost}.{again}"
