"""What every command shares: options that are spelt alike everywhere, and how results are printed.

A command prints its result on standard output and everything else on standard error. It raises
:class:`~converters.errors.FreshetError` for what goes wrong, and the assembled command line turns
that into one paragraph and an exit status.

Only light imports here: ``freshet --help`` loads this and every module of commands.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # pydantic takes a quarter of a second to import
    from converters.config.settings import Settings
    from converters.schema.schema import Schema

Config = Annotated[Path, typer.Option("--config", help="The config file.", show_default=True)]
KafkaConfig = Annotated[
    Path | None,
    typer.Option(
        "--kafka-config",
        metavar="FILE",
        help="A properties file of Kafka's clients: brokers, login, certificates.",
        show_default="kafka.properties",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DEFAULT_CONFIG = Path("freshet.toml")


# The commands that read a config, and those of them that reach the log: advice names some of them.
WITH_LOG = frozenset(
    (
        *("produce", "learn", "serve", "up", "backfill", "scores", "dead-letters"),
        *("replay-dead-letters", "config diff", "compare", "quarantine add", "rollback"),
        "quarantine export",
        "quarantine resubmit",
    )
)
WITH_CONFIG = WITH_LOG | {
    *(
        "try",
        "check",
        "convert",
        "score",
        "explain",
        "status",
        "models",
        "show",
        "diff",
        "report",
        "compare",
        "promote",
        "unpin",
    ),
    *(
        "rollbacks",
        "history",
        "token add",
        "token list",
        "token revoke",
        "token rotate",
    ),
    *("token forget", "quarantine list", "quarantine remove"),
}
_ADVISED = re.compile(
    rf"\bfreshet ({'|'.join(sorted(WITH_CONFIG, key=len, reverse=True))})(?![\w-]| --config)"
)
# The options by which this command was given another config than the default.
_given: dict[str, str] = {}


def as_given(text: str) -> str:
    """A message whose advised commands read the config that this one was given.

    As they are written they would read ``freshet.toml``, which may be another model's.
    """

    def with_options(found: re.Match[str]) -> str:
        taken = [option for option in _given if option == "--config" or found[1] in WITH_LOG]
        options = (f"{option} {shlex.quote(_given[option])}" for option in taken)
        return " ".join((found[0], *options))

    return _ADVISED.sub(with_options, text) if _given else text


def read_config(
    path: Path, kafka_config: Path | None = None, *, only_read: bool = False
) -> tuple[Settings, Schema]:
    """The settings and the schema of a config file.

    Their home is closed to other users, unless nothing is to be written.
    """
    from converters.config import load
    from converters.files import private
    from converters.schema import schema

    _given.clear()
    if path != DEFAULT_CONFIG:
        _given["--config"] = str(path)
    if kafka_config is not None:
        _given["--kafka-config"] = str(kafka_config)
    settings = load.load(path, kafka_config, say)
    if not only_read and (closed := private.narrow(settings, path)):
        say(f"Made {settings.home} private: other users had access to {closed} of its files.")
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
        sys.stderr.write(as_given(text) + "\n")
        sys.stderr.flush()


PLAIN_LINE_SECONDS = 10.0
# Less than this is done in a moment: a bar would only flash.
SMALL_BYTES = 4 * 2**20

Update = Callable[[int], None]


@contextmanager
def progress(
    what: str, total: int | None = None, place: Callable[[], int] | None = None
) -> Iterator[Update]:
    """Gives a function to call with the count so far.

    Args:
        what: what is counted.
        total: the whole work in bytes; None when its end is not known.
        place: how many bytes are done; None when that is not known.
    """
    if sys.stderr.isatty() and (total is None or total > SMALL_BYTES):
        with _bar(what, total, place) as update:
            yield update
    else:
        yield _lines(what, total, place)


@contextmanager
def _bar(what: str, total: int | None, place: Callable[[], int] | None) -> Iterator[Update]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        BarColumn(),
        TextColumn("{task.fields[count]:,} {task.description}"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
    )
    began = monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, count=0, rate=0.0)
        first: list[int] = []

        def update(count: int) -> None:
            first[:] = first or [count]
            rate = (count - first[0]) / max(monotonic() - began, 1e-9)
            done = place() if place and total else None
            bar.update(task, completed=done, count=count, rate=rate)

        yield update


def _lines(what: str, total: int | None, place: Callable[[], int] | None) -> Update:
    shown = monotonic()

    def update(count: int) -> None:
        nonlocal shown
        if monotonic() - shown >= PLAIN_LINE_SECONDS:
            shown = monotonic()
            share = f" ({place() / total:.0%})" if place and total else ""
            say(f"{count:,} {what}{share}")

    return update
