"""What every command shares: the options spelt alike everywhere, and how results are printed.

Each package keeps its commands beside their subject and ``serve/cli.py`` assembles them. A
command prints its result on standard output and everything else on standard error; it raises
:class:`~converters.errors.FreshetError` for what goes wrong, and the assembled command line turns
that into one paragraph and an exit status.

Only light imports here: ``freshet --help`` loads this and every module of commands.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # pydantic takes a quarter of a second to import
    from converters.config.settings import Settings
    from converters.schema.schema import Schema

Config = Annotated[Path, typer.Option("--config", help="The config file.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DEFAULT_CONFIG = Path("freshet.toml")


def read_config(path: Path) -> tuple[Settings, Schema]:
    """The settings and the schema of a config file."""
    from converters.config import load
    from converters.schema import schema

    settings = load.load(path)
    try:
        return settings, schema.from_settings(settings)
    except schema.SchemaError as error:
        raise schema.SchemaError(f"In {path}: {error}") from None


def print_json(content: Mapping[str, Any] | Sequence[Any]) -> None:
    """One JSON document on standard output; floats by ``repr``, as everywhere."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def say(text: str = "") -> None:
    """A line for the person at the terminal, on standard error; a full disk there stops nothing."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
