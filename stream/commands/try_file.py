"""The command ``freshet try``: whether to use it for a stream, told by a file of its rows.

Thin: :mod:`stream.verdict` does the work. Nothing is written to the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from converters.commands.convert import Source
from converters.errors import UsageError
from converters.show.command_line import Json, print_json, read_config, say
from stream.commands.init import (
    Delimiter,
    Drop,
    Encoding,
    IdColumn,
    LabelTime,
    Negative,
    TimeColumn,
    TimeFormat,
    TrialSeconds,
    WeightColumn,
)

if TYPE_CHECKING:  # the work's modules are imported by the command
    from converters.config.settings import CsvSettings
    from converters.init.declared import Declared
    from stream.verdict.first_part import Config as TriedConfig
    from stream.verdict.footing import Clock
    from stream.verdict.verdict_page import Tried

# The options that a config takes the place of, in the order of ``_columns_of``.
NAMING = (
    *("--label", "--positive", "--negative", "--id", "--time", "--time-format", "--weight"),
    *("--delimiter", "--encoding"),
)
SET_ASIDE = ("drop", "leak", "protected")

MOST_ROWS = 1_000_000
UTF_8 = "utf-8"
Label = Annotated[str | None, typer.Option("--label", help="The column to predict.")]
Positive = Annotated[
    list[str] | None, typer.Option("--positive", help="A positive value of the label.")
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="A config that says all of this, to be tried too; its [value]."),
]
LabelDelay = Annotated[
    float,
    typer.Option(
        "--label-delay", metavar="SECONDS", min=0, help="How long after events labels come."
    ),
]
Score = Annotated[
    str | None, typer.Option("--score", metavar="COLUMN", help="The column of your own scores.")
]
Scores = Annotated[
    str | None,
    typer.Option("--scores", metavar="FILE", help="Your own scores: a CSV of id and score."),
]
First = Annotated[
    float,
    typer.Option(
        "--first",
        metavar="SHARE",
        min=0.01,
        max=0.9,
        help="The share of the rows that init sees, and that trains what is trained once.",
    ),
]


def _rows(given: str | int) -> int:
    """How many rows to take; 0 for all of them."""
    try:
        rows = 0 if given == "all" else int(given)
    except ValueError:
        rows = -1
    if rows < 0 or given == "0":
        raise typer.BadParameter(f"{given!r} is neither a number of rows nor 'all'.")
    return rows


Rows = Annotated[
    int,
    typer.Option(
        "--rows", parser=_rows, metavar="ROWS|all", help="How many of the first rows to take."
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without", metavar="NAME", help="A contender not to try, as the table calls it."
    ),
]
Html = Annotated[str | None, typer.Option("--html", help="File for a page with curves.")]


def try_(
    csv: Source,
    label: Label = None,
    positive: Positive = None,
    negative: Negative = None,
    id_column: IdColumn = None,
    time_column: TimeColumn = None,
    time_format: TimeFormat = "",
    weight_column: WeightColumn = None,
    drop: Drop = None,
    label_time: LabelTime = None,
    label_delay: LabelDelay = 0.0,
    config: ConfigFile = None,
    score: Score = None,
    scores: Scores = None,
    first: First = 0.25,
    rows: Rows = MOST_ROWS,
    trial: TrialSeconds = 20.0,
    without: Without = None,
    delimiter: Delimiter = None,
    encoding: Encoding = UTF_8,
    html: Html = None,
    json: Json = False,
) -> None:
    """Say whether to use it for a file's stream, and why.

    Each row is scored before its label is known, by what init proposes and by what one might use
    instead. Writes nothing to the log.
    """
    _check_files(csv, score, scores, html)
    named = label, positive, negative, id_column, time_column, time_format, weight_column
    its = _columns_of(config, named, delimiter, encoding)
    its = its.with_labels(label_time, label_delay).without(drop, score)
    how = _How(rows, first, trial, score, scores, tuple(without or ()))
    _tell(_tried(csv, its, how), html, json=json)


@dataclass(frozen=True)
class _Columns:
    """What is known of a file before it is read.

    Attributes:
        declared: of its columns.
        csv: how it is written.
        guess: whether that may be another delimiter.
        config: the user's config, if it says all this.
        clock: when events and labels were.
    """

    declared: Declared
    csv: CsvSettings
    guess: bool
    config: TriedConfig | None
    clock: Clock

    def with_labels(self, time: str | None, delay: float) -> _Columns:
        """The same, with what the options say of when labels were known."""
        if time is not None and delay:
            raise UsageError("--label-time and --label-delay both say when labels were known.")
        if (time is not None or delay) and self.clock.time is None:
            raise UsageError("Labels are late by the time of their events; name --time too.")
        clock = replace(self.clock, label_time=time, label_delay=delay)
        aside = tuple(name for name in self.declared.drop if name != time)
        return replace(
            self, clock=clock, declared=replace(self.declared, label_time=time, drop=aside)
        )

    def without(self, names: Sequence[str] | None, score: str | None) -> _Columns:
        """The same, with further columns that are not learned from."""
        further = [*(names or ()), *([] if score is None else [score])]
        drop = tuple(dict.fromkeys((*self.declared.drop, *further)))
        return replace(self, declared=replace(self.declared, drop=drop))


class _How(NamedTuple):
    """How the file is tried: see :class:`stream.verdict.trying.Asked`."""

    rows: int
    first: float
    seconds: float
    score: str | None
    scores: str | None
    without: tuple[str, ...]


def _columns_of(
    config: Path | None, named: Sequence[Any], delimiter: str | None, encoding: str
) -> _Columns:
    """As the options say, or as a config does.

    Raises:
        UsageError: neither does, or both do.
    """
    from converters.init.declared import Declared
    from converters.sampling.file_sample import csv_settings
    from stream.verdict.footing import Clock

    written = delimiter, None if encoding == UTF_8 else encoding
    given = [option for option, value in zip(NAMING, (*named, *written), strict=True) if value]
    if config is not None:
        if given:
            raise UsageError(f"--config says what {given[0]} is to say; leave one of them out.")
        return _of_config(config)
    label, positive, negative, identity, time, time_format, weight = named
    if not (label and positive):
        raise UsageError(
            "Say what is to be predicted: --label COLUMN and --positive VALUE, or --config FILE."
        )
    classes = tuple(positive), tuple(negative or ())
    declared = Declared(label, *classes, identity, time, time_format, weight)
    csv = csv_settings(delimiter, encoding)
    return _Columns(declared, csv, delimiter is None, None, Clock(time, time_format))


def _of_config(path: Path) -> _Columns:
    """What a config says of the columns; what it sets aside is set aside."""
    from converters.init.declared import Declared
    from learners.choose import spec_for
    from stream.verdict.first_part import Config
    from stream.verdict.footing import Clock

    settings, schema = read_config(path, only_read=True)
    column = {each.settings.role: each.name for each in schema.columns}
    aside = tuple(each.name for each in schema.columns if each.settings.role in SET_ASIDE)
    time = column.get("time")
    written = schema.times.format if time else ""
    declared = Declared(
        column["label"],
        settings.label.positive,
        settings.label.negative,
        *(column.get("id"), time, written, column.get("weight")),
        drop=aside,
    )
    spec = spec_for(settings.learner, schema.interactions)
    own = Config("", settings, schema, spec)
    return _Columns(declared, settings.csv, False, own, Clock(time, written, schema.times.zone))


def _tried(csv: str, its: _Columns, how: _How) -> Tried:
    from stream.verdict.contenders import MAY_BE_LEFT, left_aside
    from stream.verdict.trying import Asked, tried

    if how.scores is not None and its.declared.id_column is None:
        raise UsageError("--scores are matched by id; name the column of ids with --id.")
    unknown = [name for name in how.without if name not in MAY_BE_LEFT]
    if unknown:
        names = ", ".join(map(repr, MAY_BE_LEFT))
        raise UsageError(f"--without {unknown[0]!r} is none of {names}.")
    return tried(
        Asked(
            csv,
            its.csv,
            its.declared,
            its.clock,
            guess=its.guess,
            rows=how.rows,
            first=how.first,
            seconds=how.seconds,
            config=its.config,
            score=how.score,
            scores=how.scores,
            left_aside=left_aside(how.without),
        )
    )


def _check_files(csv: str, score: str | None, scores: str | None, html: str | None) -> None:
    from converters.files.output import check_apart

    if html == "-":
        raise UsageError("--html needs a file: standard output takes the verdict as text or JSON.")
    if score is not None and scores is not None:
        raise UsageError("--score and --scores both give your own scores; leave one of them out.")
    check_apart({"the CSV file": csv, "--scores": scores}, {"--html": html})


def _tell(found: Tried, html: str | None, *, json: bool) -> None:
    from converters.files.output import writing
    from learners.report.render import page, show
    from stream.verdict.verdict_page import headline, sections, title

    if html is not None:
        with writing(html) as out:
            out.write(page(title(found), headline(found), sections(found)).encode())
        say(f"Verdict written to {html}.")
    if json:
        print_json(found.to_json())
    elif html is None:
        show(f"{title(found)}\n\n{fill(headline(found), 96)}", sections(found))
