"""The ``freshet`` command: the commands of every package, and how their errors are printed.

A :class:`~converters.errors.FreshetError` becomes one plain paragraph on standard error and its
exit status. Any other exception is a bug: the message says so, and ``--debug`` shows the traceback.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
import textwrap
from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import Annotated, TextIO

import typer
from typer.core import TyperGroup

from converters.commands import check
from converters.commands import convert as converter_commands
from converters.errors import FreshetError, UsageError
from converters.files.private import keep_private
from converters.show.command_line import say
from learners.commands import diff, explain, report, status
from learners.commands import versions as learner_commands
from serve.commands import demo as demo_command
from serve.commands import serve as server_commands
from serve.commands import token
from stream.commands import compare, init, outputs, rollback, try_file
from stream.commands import config as config_commands
from stream.commands import learn as stream_commands
from stream.commands import quarantine as quarantine_commands
from stream.stopping import asked_to_stop, watch_signals

# In the order that ``freshet --help`` lists them; a command is named as its function.
COMMANDS = (
    init.init,
    try_file.try_,
    check.check,
    converter_commands.convert,
    stream_commands.produce,
    stream_commands.learn,
    server_commands.serve,
    server_commands.up,
    learner_commands.score,
    explain.explain,
    stream_commands.backfill,
    status.status,
    learner_commands.models,
    learner_commands.show,
    diff.diff,
    report.report,
    compare.compare,
    learner_commands.promote,
    learner_commands.unpin,
    rollback.rollback,
    rollback.rollbacks,
    learner_commands.history,
    outputs.scores,
    outputs.dead_letters,
    outputs.replay_dead_letters,
    demo_command.demo,
)

# Options of two values, which Typer does not let repeat: the two become one with a blank between.
OF_TWO_VALUES = ("--skip-time",)
# Options whose empty value says something, or is refused in words of their own.
MAY_BE_EMPTY = ("--csv2vw", "--negative", "--positive", "--reason", "--delimiter")


class Checked(TyperGroup):
    """All commands; an empty argument, as of a variable that is not set, is refused by name.

    An empty path would be the working directory, and an empty name no column.
    """

    # Typer has a copy of click's, whose context is the same by another private name.
    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Look at the whole command line before any command does."""
        for before, value in pairwise(("", *args)):
            option, equals, own = value.partition("=")
            if option.startswith("--") and equals and not own.strip():
                before, value = option, ""  # noqa: PLW2901 - spelt in one word
            if value.strip() or before in MAY_BE_EMPTY:
                continue
            named = before if before.startswith("-") and before != "-" else "An argument"
            raise UsageError(f"{named} is empty: give it a value, or leave it out.")
        return super().parse_args(ctx, _joined(args))


def _joined(args: Sequence[str]) -> list[str]:
    """A command line in which each option has one value; what is quoted as one is left so."""
    found: list[str] = []
    for each in args:
        two = len(found) > 1 and found[-2] in OF_TWO_VALUES and found[-1].isalpha()
        if two and not each.startswith("--"):
            found[-1] += f" {each}"
        else:
            found.append(each)
    return found


# Collect garbage after so many new objects and not after 700. What is imported, some 120,000, is
# none, and looking through it again and again takes a tenth of the start of a command.
COLLECT_AFTER = 200_000
# Where numpy's library of linear algebra reads how many threads it may have. Nothing here gives it
# work for two, and each spins for 30 ms when it is made.
LINEAR_ALGEBRA_THREADS = "OPENBLAS_NUM_THREADS"
# Pydantic looks through all that is installed for plugins, for 5 ms; a config has no use for any.
WITHOUT_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"


app = typer.Typer(
    name="freshet",
    cls=Checked,
    help="Learn from a stream of events while serving predictions about them.",
    no_args_is_help=True,
    add_completion=False,
    # rich's help costs 60 ms and boxes; plain help is what pipes and small terminals want.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    # Commands, and groups of them, inherit it.
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    """Print the version of the distribution and exit."""
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"freshet {version('freshet-ml')}\n")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that are before a command."""


for command in COMMANDS:
    app.command(command.__name__.rstrip("_").replace("_", "-"))(command)
app.add_typer(config_commands.app, name="config")
app.add_typer(quarantine_commands.app, name="quarantine")
app.add_typer(token.app, name="token")


def main() -> None:
    """Run the command line; the entry point of ``freshet``."""
    for name in (LINEAR_ALGEBRA_THREADS, WITHOUT_PLUGINS):  # of the processes it starts, too
        os.environ.setdefault(name, "1")
    gc.set_threshold(COLLECT_AFTER)
    # An interpreter that ends looks for garbage in all there is, for .2 s after a long run, only to
    # free it; files and connections are closed by then.
    atexit.register(gc.freeze)
    _replace_closed_streams()
    try:
        with keep_private():
            _run()
    finally:
        _flush_streams()


def _run() -> None:
    debug = "--debug" in sys.argv
    watch_signals()
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        _call(arguments)
    except FreshetError as error:
        if debug:
            raise
        fail(str(error), error.exit_status)
    except BrokenPipeError:
        # The reader of our output is gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # the last place to explain it
        if (number := asked_to_stop()) is not None:  # its exception was taken for a failure
            sys.exit(128 + number)
        if debug:
            raise
        fail(_explained(error), 1)


def _call(arguments: Sequence[str]) -> None:
    """Run one command and flush its output."""
    try:
        _app_for(arguments)(arguments, prog_name="freshet")
    except SystemExit:  # how every command ends
        sys.stdout.flush()
        raise


def _app_for(arguments: Sequence[str]) -> typer.Typer:
    """The application with the one command that is asked for: typer makes all that it is given."""
    alone = copy(app)
    alone.registered_commands = [c for c in app.registered_commands if [c.name] == arguments[:1]]
    alone.registered_groups = []
    return alone if alone.registered_commands else app


def _explained(error: Exception) -> str:
    """A message for an exception that nothing below has explained."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return (
            f"The output of this command, or one of its files, cannot be written: "
            f"{error.strerror}. Make room, also for temporary files, and run it again."
        )
    if isinstance(error, PermissionError) and error.filename:
        return (
            f"{error.filename} is closed to this user: {error.strerror}. A home is open to its own "
            "user alone: run this as the user that the learner runs as."
        )
    if isinstance(error, OSError) and error.errno == errno.EBADF and sys.__stdout__ is None:
        return (
            "Standard output is closed, so what this command prints cannot be written. Run it "
            "without '>&-', or send its output to a file."
        )
    return (
        f"Freshet failed unexpectedly: {type(error).__name__}: {error}. This is a bug. Run the "
        "command again with --debug to see where."
    )


def fail(message: str, status: int) -> None:
    """Print one paragraph and exit."""
    width = min(100, os.get_terminal_size(2).columns) if sys.stderr.isatty() else 0
    text = f"freshet: {message}"
    say(
        textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
        if width
        else text
    )
    sys.exit(status)


def _replace_closed_streams() -> None:
    """Make reading or writing a closed standard stream an ordinary error.

    Otherwise the next file opened, a database perhaps, takes the number of the closed stream, and
    Python has no object for the stream. The null device, opened in the wrong direction, gives
    ``EBADF`` as the closed stream would. Standard error swallows what is written to it.
    """
    if sys.stdin is None:
        sys.stdin = _null(0, os.O_WRONLY)
    if sys.stdout is None:
        sys.stdout = _null(1, os.O_RDONLY)
    if sys.stderr is None:
        sys.stderr = _null(2, os.O_WRONLY)


def _null(number: int, direction: int) -> TextIO:
    opened = os.open(os.devnull, direction)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    # Left open, as the interpreter leaves its own.
    return open(number, "w" if number else "r", encoding="utf-8", closefd=False)


def _flush_streams() -> None:
    """Flush; output that can no longer be written must not decide the exit status."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
