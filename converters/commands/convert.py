"""``freshet convert``: opens its files, converts, and says how it went."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from converters.errors import UsageError
from converters.show.command_line import DEFAULT_CONFIG, Config, read_config, say

if TYPE_CHECKING:  # the work's modules are imported by the command that needs them
    from converters.convert.whole_file import Reject, Tally
    from converters.csv2vw.convert import Lines
    from converters.files.csv_file import CsvFile

# How many refused rows are shown when no file takes them.
SHOWN_REJECTS = 10


Source = Annotated[
    str, typer.Argument(metavar="CSV", help="CSV file with a header, or - for standard input.")
]
Rejects = Annotated[
    str | None,
    typer.Option("--rejects", help="File for refused rows, as CSV: line,reason,column,text."),
]
Csv2vwFlags = Annotated[
    str | None,
    typer.Option(
        "--csv2vw", metavar="FLAGS", help="Print what csv2vw does with these flags; no config."
    ),
]
Lenient = Annotated[
    bool, typer.Option("--lenient", help="With --csv2vw: print also what would be misread.")
]


def convert(
    csv: Source,
    output: Annotated[
        str, typer.Option("--output", "-o", help="File for the VW text, or - for standard output.")
    ] = "-",
    rejects: Rejects = None,
    csv2vw: Csv2vwFlags = None,
    lenient: Lenient = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Convert a CSV file into Vowpal Wabbit text.

    One line for each row that passes the checks.
    """
    from converters.convert.whole_file import convert as convert_file
    from converters.files.csv_file import open_csv
    from converters.files.output import check_apart, writing

    check_apart(
        {"the CSV file": csv, "--config": str(config)}, {"--output": output, "--rejects": rejects}
    )
    if csv2vw is not None:
        _convert_as_csv2vw(csv, output, rejects, csv2vw, lenient=lenient)
        return
    if lenient:
        raise UsageError("--lenient goes with --csv2vw only: without that, nothing is misread.")
    settings, schema = read_config(config)
    kept: list[Reject] = []
    with open_csv(csv, settings.csv) as file, ExitStack() as opened:
        out = opened.enter_context(writing(output))
        reject = opened.enter_context(_rejecting(rejects, kept))
        shown = opened.enter_context(_shown(file, output))
        tally = convert_file(file, schema, out, reject, shown)
    _summarise(tally, kept, rejects, hidden=schema.only("protected") is not None)
    if tally.refused.total and rejects is None:
        raise typer.Exit(1)


def _convert_as_csv2vw(
    csv: str, output: str, rejects: str | None, flags_text: str, *, lenient: bool
) -> None:
    from converters.csv2vw.convert import convert as convert_lines
    from converters.csv2vw.convert import described, open_lines
    from converters.csv2vw.flags_and_layout import parse
    from converters.files.output import writing

    if lenient and rejects is not None:
        raise UsageError("--lenient refuses no row, so --rejects has nothing to take; leave one.")
    flags = parse(flags_text)
    kept: list[Reject] = []
    with open_lines(csv, lenient=lenient) as lines, ExitStack() as opened:
        out = opened.enter_context(writing(output))
        reject = opened.enter_context(_rejecting(rejects, kept)) if rejects else None
        shown = opened.enter_context(_shown(lines, output))
        done = convert_lines(lines, flags, out, reject, shown, lenient=lenient)
    for line in described(done, flags):
        say(line)
    _summarise(done.tally, kept, rejects)


@contextmanager
def _rejecting(
    path: str | None, kept: list[Reject]
) -> Iterator[Callable[[Sequence[Reject]], None]]:
    """Where refused rows go: all into a file, or the first few into ``kept``."""
    from converters.convert.whole_file import REJECT_COLUMNS, reject_line
    from converters.files.output import writing

    if path is None:
        yield lambda found: kept.extend(found[: SHOWN_REJECTS - len(kept)])
        return
    with writing(path) as file:
        file.write(f"{','.join(REJECT_COLUMNS)}\n".encode())

        def reject(found: Sequence[Reject]) -> None:
            file.write("".join(map(reject_line, found)).encode())

        yield reject


@contextmanager
def _shown(file: CsvFile | Lines, output: str) -> Iterator[Callable[[int], None]]:
    """Progress, unless the lines themselves appear on the terminal."""
    from converters.show.command_line import progress

    if output == "-" and sys.stdout.isatty():
        yield lambda _count: None
        return
    with progress("rows", file.size, file.tell) as shown:
        yield shown


def _summarise(
    tally: Tally, kept: Sequence[Reject], rejects: str | None, *, hidden: bool = False
) -> None:
    """Say how it went; ``hidden`` keeps back whole rows, for they hold protected values."""
    from converters.show.refused_share import say_refused

    for line, refusal in kept:
        where = f" in column '{refusal.column}'" if refusal.column else ""
        text = f': "{refusal.text}"' if refusal.column or not hidden else ""
        say(f"line {line}: {refusal.reason}{where}{text}")
    refused = tally.refused
    if refused.total > len(kept) and rejects is None:
        say(f"and {refused.total - len(kept):,} more; --rejects FILE takes them all.")
    say(f"{_rows(tally.converted)} converted.")
    say_refused(
        "rows",
        tally.converted + refused.total,
        refused.reasons,
        refused.examples,
        where="" if rejects is None else f"They are in {rejects}.",
    )


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
