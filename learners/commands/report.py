"""The command of measures, ``freshet report``.

Thin: :mod:`learners.report` reads a checkpoint and words it; it reads only.
"""

from __future__ import annotations

from typing import Annotated

import typer

from converters.errors import UsageError
from converters.show.command_line import DEFAULT_CONFIG, Config, Json, print_json, read_config, say


def report(
    version: Annotated[
        int | None,
        typer.Option(
            "--version", help="Any version, a candidate too; default: the newest checkpoint."
        ),
    ] = None,
    html: Annotated[
        str | None, typer.Option("--html", help="File for the report as a self-contained page.")
    ] = None,
    json: Json = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Evaluate the scores given at arrival against labels."""
    from converters.files.output import check_apart, writing
    from learners.knowledge.what_columns_add import what_columns_add, why_sections
    from learners.report.checkpoint_measures import measured
    from learners.report.document import document
    from learners.report.render import headline, page, sections, show, title

    if html == "-":
        raise UsageError("--html needs a file: standard output takes the report as text or JSON.")
    check_apart({"--config": str(config)}, {"--html": html})
    settings, schema = read_config(config)
    found = measured(settings, schema, version)
    content = document(settings, found)
    content["why"] = what_columns_add(settings, schema, found.checkpoint)
    shown = [*sections(content), *why_sections(content["why"])]
    if html is not None:
        with writing(html) as out:
            out.write(page(title(content), headline(content), shown).encode())
        say(f"Report written to {html}.")
    if json:
        print_json(content)
    elif html is None:
        show(f"{title(content)}: {headline(content)}", shown)
