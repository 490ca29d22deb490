"""The ``freshet`` command: each package's commands, assembled, and errors turned into paragraphs.

The top of the house. A :class:`~converters.errors.FreshetError` becomes one plain paragraph on
standard error and its exit status; anything else is a bug, says so, and shows its traceback
with ``--debug``.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import textwrap
from collections.abc import Sequence

import typer

from converters.commands import check, init
from converters.commands import convert as converter_commands
from converters.errors import FreshetError
from converters.show.command_line import say
from learners.commands import report
from learners.commands import versions as learner_commands
from serve.commands import serve as server_commands
from serve.commands import up_and_demo
from serve.server.standard_streams import let_go, stand_in_for_closed
from stream.commands import dead_letters, outputs
from stream.commands import learn as stream_commands

app = typer.Typer(
    name="freshet",
    help="Learn from a stream of events while serving predictions about them.",
    no_args_is_help=True,
    add_completion=False,
    # rich's help costs 60 ms and boxes; plain help is what pipes and small terminals want.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for command in (
    init.init,
    check.check,
    converter_commands.convert,
    stream_commands.produce,
    stream_commands.learn,
    server_commands.serve,
    up_and_demo.up,
    learner_commands.score,
    stream_commands.backfill,
    learner_commands.models,
    learner_commands.show,
    report.report,
    report.compare,
    learner_commands.promote,
    learner_commands.unpin,
    learner_commands.rollback,
    learner_commands.history,
    outputs.scores,
    dead_letters.dead_letters,
    dead_letters.replay_dead_letters,
    up_and_demo.demo,
):
    app.command(command.__name__.replace("_", "-"))(command)


def main() -> None:
    """Run the command line; the entry point of ``freshet``."""
    stand_in_for_closed()
    try:
        _run()
    finally:
        let_go()


def _run() -> None:
    debug = "--debug" in sys.argv
    # What a command has opened is closed and removed on SIGTERM too; long work handles it itself.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        _call(arguments)
    except FreshetError as error:
        if debug:
            raise
        fail(str(error), error.exit_status)
    except BrokenPipeError:
        # The reader of our output has gone; nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # the last place where it can be told well
        if debug:
            raise
        fail(_told(error), 1)


def _call(arguments: Sequence[str]) -> None:
    """Run one command, until what it printed has arrived."""
    try:
        app(arguments, prog_name="freshet")
    except SystemExit:  # how every command ends
        sys.stdout.flush()
        raise


def _told(error: Exception) -> str:
    """What to say of an error that nothing below has given words to."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return (
            f"The output of this command, or a file of its own, cannot be written: "
            f"{error.strerror}. Make room, also where temporary files go, and run it again."
        )
    if isinstance(error, OSError) and error.errno == errno.EBADF and sys.__stdout__ is None:
        return (
            "Standard output is closed, so what this command prints cannot be written. Run it "
            "without '>&-', or send its output to a file."
        )
    return (
        f"Freshet failed in a way it does not know: {type(error).__name__}: {error}. This is "
        "a bug. Run the command again with --debug to see where."
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


if __name__ == "__main__":
    main()
