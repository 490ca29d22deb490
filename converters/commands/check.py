"""``freshet check``: a report on a CSV file, as text, JSON and a page."""

from __future__ import annotations

from typing import Annotated

import typer

from converters.errors import UsageError
from converters.show.command_line import DEFAULT_CONFIG, Config, Json, print_json, read_config, say


def check(
    csv: Annotated[
        str, typer.Argument(metavar="CSV", help="CSV file with a header, or - for standard input.")
    ],
    html: Annotated[
        str | None, typer.Option("--html", help="File for the report as a self-contained page.")
    ] = None,
    json: Json = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Check every row of a CSV file and report on its data.

    Exit status 1 if there are problems.
    """
    from converters.check.check import report
    from converters.check.rendering import document, page, show
    from converters.files.csv_file import open_csv
    from converters.files.output import check_apart, writing
    from converters.show.command_line import progress

    if html == "-":
        raise UsageError("--html needs a file: standard output takes the report as text or JSON.")
    check_apart({"the CSV file": csv, "--config": str(config)}, {"--html": html})
    settings, schema = read_config(config)
    with open_csv(csv, settings.csv) as file, progress("rows", file.size, file.tell) as shown:
        found = report(file, schema, shown)
    if html is not None:
        with writing(html) as out:
            out.write(page(found).encode())
        say(f"Report written to {html}.")
    if json:
        print_json(document(found))
    elif html is None:
        show(found)
    if found.problems:
        raise typer.Exit(1)
