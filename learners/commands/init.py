"""``freshet init``: reads a sample of a CSV file and writes a commented config.

:mod:`converters.sampling.file_sample` draws the sample, :mod:`converters.init.trial` infers the
config, :mod:`learners.selection.proposed` tries ways to learn it.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from converters.commands.convert import Source
from converters.errors import UsageError
from converters.show.command_line import DEFAULT_CONFIG, say

if TYPE_CHECKING:  # the work's modules are imported by the command
    from converters.init.declared import Declared
    from converters.init.trial import Origin, WrittenConfig
    from learners.selection.choice import Profile

LabelColumn = Annotated[str, typer.Option("--label", help="The column to predict.")]
Positive = Annotated[list[str], typer.Option("--positive", help="A positive value of the label.")]
Negative = Annotated[
    list[str] | None,
    typer.Option("--negative", help="A value that is negative; default: every other one."),
]
IdColumn = Annotated[str | None, typer.Option("--id", help="The column that names an event.")]
TimeFormat = Annotated[
    str,
    typer.Option(
        "--time-format",
        metavar="FORMAT",
        help="How --time is written: seconds .. nanoseconds, or a pattern such as %Y/%m/%d.",
    ),
]
TimeColumn = Annotated[str | None, typer.Option("--time", help="The column of the event's time.")]
WeightColumn = Annotated[str | None, typer.Option("--weight", help="The column of row weights.")]
Drop = Annotated[
    list[str] | None,
    typer.Option("--drop", help="A column not to learn from; '' for those without a name."),
]
Mandatory = Annotated[
    list[str] | None,
    typer.Option(
        "--mandatory",
        metavar="COLUMN|all",
        help="A feature without which a row is refused; 'all': each that the sample never lacks.",
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter", help="The delimiter; 'tab' for a tab. Default: a comma, or as sep= says."
    ),
]
Encoding = Annotated[str, typer.Option("--encoding", help="The encoding, for example cp1252.")]
LabelTime = Annotated[
    str | None,
    typer.Option("--label-time", help="The column that says when the label was known."),
]


def _trial_seconds(given: str | float) -> float:
    """For how long ways to learn are tried; 0 not at all."""
    try:
        seconds = 0.0 if given == "none" else float(given)
    except ValueError:
        seconds = -1.0
    if not (0 <= seconds < float("inf") and (seconds or given == "none")):
        raise typer.BadParameter(f"{given!r} is neither a number of seconds nor 'none'.")
    return seconds


TrialSeconds = Annotated[
    float,
    typer.Option(
        "--trial",
        parser=_trial_seconds,
        metavar="SECONDS|none",
        help="For how long to try ways to learn on the sample; 'none' keeps the plain one.",
    ),
]
ProfileOption = Annotated[
    str,
    typer.Option(
        "--profile",
        metavar="fast|best|auto",
        help="Of ways that are nearly as good, take the fastest, the best, or as it pays.",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the file.")]
Model = Annotated[str | None, typer.Option(help="The model's name; default: the CSV file's.")]


def _sample_rows(given: str | int) -> int:
    """How many rows to look at; 0 for all of them."""
    try:
        rows = 0 if given == "all" else int(given)
    except ValueError:
        rows = -1
    if rows < 0:
        raise typer.BadParameter(f"{given!r} is neither a number of rows nor 'all'.")
    return rows


SampleRows = Annotated[
    int,
    typer.Option(
        "--sample",
        parser=_sample_rows,
        metavar="ROWS|all",
        help="How many rows to look at, from all over the file.",
    ),
]


def init(
    csv: Source,
    label: LabelColumn,
    positive: Positive,
    negative: Negative = None,
    id_column: IdColumn = None,
    time_column: TimeColumn = None,
    time_format: TimeFormat = "",
    weight_column: WeightColumn = None,
    drop: Drop = None,
    mandatory: Mandatory = None,
    label_time: LabelTime = None,
    delimiter: Delimiter = None,
    encoding: Encoding = "utf-8",
    output: Output = DEFAULT_CONFIG,
    model: Model = None,
    sample: SampleRows = 10_000,
    trial: TrialSeconds = 20.0,
    profile: ProfileOption = "auto",
    force: Force = False,
) -> None:
    """Infer a schema from a CSV file; write a config."""
    from converters.init.declared import Declared

    _check_free(output, csv, force=force)
    declared = Declared(
        label=label,
        positive=tuple(positive),
        negative=tuple(negative or ()),
        id_column=id_column,
        time_column=time_column,
        time_format=_checked_format(time_format, time_column),
        weight_column=weight_column,
        drop=tuple(drop or ()),
        mandatory=tuple(mandatory or ()),
        label_time=_checked_label_time(label_time, time_column),
    )
    origin = _origin(csv, delimiter, encoding, sample)
    config = _selected(origin, declared, _model(model, csv), output, (_profile(profile), trial))
    _write(config, output)


def _selected(
    origin: Origin, declared: Declared, model: str, output: Path, how: tuple[Profile, float]
) -> WrittenConfig:
    """The config by which the sample is learned best."""
    from converters.init.trial import written
    from learners.selection.proposed import Selection

    selection = Selection(origin, output, *how, declared.label_time)
    return written(origin, declared, model, output, selection.propose)


def _model(given: str | None, csv: str) -> str:
    from converters.init.config_text import model_name

    return given or model_name(csv)


def _checked_label_time(column: str | None, time_column: str | None) -> str | None:
    if column is not None and time_column is None:
        raise UsageError("--label-time says when labels were known; name --time too.")
    return column


def _profile(given: str) -> Profile:
    from learners.selection.choice import Profile

    try:
        return Profile(given)
    except ValueError:
        said = f"--profile {given!r} is none of {', '.join(Profile)}."
        raise UsageError(said) from None


def _write(config: WrittenConfig, output: Path) -> None:
    from converters.files.output import writing

    with writing(str(output)) as out:
        out.write(config.text.encode())
    for warning in config.warnings:
        say(f"warning: {warning}")
    say(f"Wrote {output} from {config.sample.described}. Review it before use.")


def _checked_format(pattern: str, column: str | None) -> str:
    from converters.schema.column_rules import wrong_format

    if pattern and column is None:
        raise UsageError("--time-format says how the column of --time is written; name that too.")
    if why := wrong_format(pattern):
        raise UsageError(f"--time-format: {why}")
    return pattern


def _origin(csv: str, delimiter: str | None, encoding: str, rows: int) -> Origin:
    from converters.files.csv_file import STANDARD_INPUT, open_csv
    from converters.init.trial import Origin
    from converters.sampling.file_sample import csv_settings, read_sample

    settings = csv_settings(delimiter, encoding)
    opening = partial(open_csv, csv, settings, guess=delimiter is None)
    with opening() as file:
        drawn = read_sample(file, rows)
        once = csv == STANDARD_INPUT or file.size is None  # a named pipe
    return Origin(drawn, None if once else opening, everything=not rows)


def _check_free(output: Path, csv: str, *, force: bool) -> None:
    from converters.files.output import check_apart

    check_apart({"the CSV file": csv}, {"--output": str(output)})
    if os.path.lexists(output) and not force:
        raise UsageError(
            f"{output} exists already; --force overwrites it, --output FILE writes another."
        )
