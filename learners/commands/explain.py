"""The command ``explain``: why the rows of a file have their scores, and what would change one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from converters.errors import UsageError
from converters.show.command_line import DEFAULT_CONFIG, Config, Json, print_json, read_config, say

if TYPE_CHECKING:  # a command that is not called imports nothing
    from converters.config.settings import CsvSettings
    from learners.explain.answers import Wanted
    from learners.explain.explain_file import Chosen
    from learners.versions.explained_version import Explaining

Csv = Annotated[str, typer.Argument(help="CSV file with a header, or - for standard input.")]
Output = Annotated[str, typer.Option("-o", "--output", help="Where to write.")]
VersionOption = Annotated[int | None, typer.Option("--version", help="Default: the served one.")]
Baseline = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        help="What rows are held against: missing, typical, or a file.",
        show_default="the config's",
    ),
]
Reasons = Annotated[
    int | None, typer.Option("--reasons", min=1, max=20, help="So many reasons in words.")
]
Id = Annotated[str | None, typer.Option("--id", help="Explain the row with this id, on a page.")]
Line = Annotated[
    int | None, typer.Option("--line", min=1, help="Explain the row at this line, on a page.")
]
Change = Annotated[
    list[str] | None,
    typer.Option("--change", metavar="COLUMN=CELL", help="With another cell; may be repeated."),
]
WhatIf = Annotated[
    bool, typer.Option("--what-if", help="Look for changes that give the other label.")
]


ONE_ROW = "--what-if and --json are about one row: choose it by --id or --line."


def explain(
    csv: Csv,
    output: Output = "-",
    version: VersionOption = None,
    baseline: Baseline = None,
    reasons: Reasons = None,
    row_id: Id = None,
    line: Line = None,
    change: Change = None,
    what_if: WhatIf = False,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Say why rows of a file have their scores.

    What each column adds in log-odds, against a baseline, as CSV with a column for each; with
    --id or --line of one row, as bars and sentences.
    """
    from converters.files.output import check_apart
    from learners.explain.answers import Wanted
    from learners.explain.explain_file import chosen
    from learners.versions.explained_version import explaining

    check_apart({"the CSV file": csv, "--config": str(config)}, {"--output": output})
    settings, schema = read_config(config)
    wanted = Wanted(None, reasons, what_if)
    with explaining(settings, schema, version, baseline) as by:
        by.why.check(wanted)
        which = chosen(by.schema, line, row_id, change or [])
        if which is None:
            _check(not what_if and not json, ONE_ROW)
            _all(by, csv, output, settings.csv, wanted)
            return
        _check(output == "-", "--output is for all rows of a file; one is printed.")
        _one(by, csv, settings.csv, which, wanted, json=json)


def _check(right: bool, wrong: str) -> None:
    """Refuse options that do not belong together."""
    if not right:
        raise UsageError(wrong)


def _all(by: Explaining, csv: str, output: str, settings: CsvSettings, wanted: Wanted) -> None:
    """Explain every row of the file."""
    from converters.show.refused_share import say_refused
    from learners.explain.explain_file import explain_file

    count, refused = explain_file(by.why, by.schema, csv, output, settings, wanted)
    say(f"{count:,} rows explained with version {by.version}.")
    say_refused("rows", count + refused.total, refused.reasons, refused.examples)
    if refused.total:
        raise typer.Exit(1)


def _one(
    by: Explaining, csv: str, settings: CsvSettings, which: Chosen, wanted: Wanted, *, json: bool
) -> None:
    """Explain one of them, on a page."""
    from learners.explain.explain_file import explain_one
    from learners.explain.on_a_page import page

    alone = not which.changes or not wanted.what_if
    _check(alone, "--what-if is about the row as it is: leave --change out.")
    answer = explain_one(by.why, by.schema, csv, settings, which, wanted)
    if json:
        print_json({"version": by.version, "baseline": by.why.baseline} | answer)
    else:
        lines = page(answer, by.why.baseline, by.version)
        sys.stdout.writelines(f"{line}\n" for line in lines)
