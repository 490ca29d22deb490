"""``freshet init``: writes a commented config for a CSV file, or one anew from what a log holds.

Of a file :mod:`converters.sampling.file_sample` draws a sample, :mod:`converters.init.trial` infers
the config, :mod:`learners.selection.proposed` tries ways to learn it. Of a log
:mod:`stream.renewal.renewed_config` proposes the numbers that a config has from data.
"""

from __future__ import annotations

import os
import shlex
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from converters.errors import UsageError
from converters.show.command_line import (
    DEFAULT_CONFIG,
    Config,
    KafkaConfig,
    progress,
    read_config,
    say,
)
from stream.stopping import LOG, waiting_for

if TYPE_CHECKING:  # the work's modules are imported by the command
    from converters.init.declared import Declared
    from converters.init.trial import Origin, WrittenConfig
    from learners.selection.choice import Profile


class MadeFrom(StrEnum):
    """What a config is made from, if not from a file."""

    log = "log"


CsvFile = Annotated[
    str | None,
    typer.Argument(
        metavar="CSV",
        help="CSV file with a header, or - for standard input.",
        show_default=False,
    ),
]
From = Annotated[
    MadeFrom | None,
    typer.Option(
        "--from",
        help="Instead of a file: propose center, scale and edges of the config anew from its log.",
    ),
]
LabelColumn = Annotated[
    str | None, typer.Option("--label", help="The column to predict. Mandatory for a file.")
]
Positive = Annotated[
    list[str] | None,
    typer.Option("--positive", help="A positive value of the label. Mandatory for a file."),
]
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
        help="How many rows to look at: from all over the file, or the newest of the log.",
    ),
]


class OfColumns(NamedTuple):
    """The options that name columns of a file, as they were given."""

    id: str | None = None
    time: str | None = None
    time_format: str = ""
    weight: str | None = None
    drop: list[str] | None = None
    mandatory: list[str] | None = None
    label_time: str | None = None


class OfFile(NamedTuple):
    """The other options that say something of a file."""

    csv: str | None = None
    label: str | None = None
    positive: list[str] | None = None
    negative: list[str] | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"
    model: str | None = None
    trial: float = 20.0
    profile: str = "auto"

    def declared(self, columns: OfColumns) -> Declared:
        """What they say of the columns."""
        from converters.init.declared import Declared

        assert self.label is not None
        return Declared(
            label=self.label,
            positive=tuple(self.positive or ()),
            negative=tuple(self.negative or ()),
            id_column=columns.id,
            time_column=columns.time,
            time_format=_checked_format(columns.time_format, columns.time),
            weight_column=columns.weight,
            drop=tuple(columns.drop or ()),
            mandatory=tuple(columns.mandatory or ()),
            label_time=_checked_label_time(columns.label_time, columns.time),
        )


NO_COLUMNS, NO_FILE = OfColumns(), OfFile()
# The newest rows of a log that are held in memory at most, as numbers.
MOST_OF_LOG = 200_000


def init(
    csv: CsvFile = None,
    label: LabelColumn = None,
    positive: Positive = None,
    negative: Negative = None,
    id_column: IdColumn = None,
    time_column: TimeColumn = None,
    time_format: TimeFormat = "",
    weight_column: WeightColumn = None,
    drop: Drop = None,
    mandatory: Mandatory = None,
    label_time: LabelTime = None,
    delimiter: Delimiter = None,
    encoding: Encoding = NO_FILE.encoding,
    output: Output = DEFAULT_CONFIG,
    model: Model = None,
    sample: SampleRows = 10_000,
    trial: TrialSeconds = NO_FILE.trial,
    profile: ProfileOption = NO_FILE.profile,
    force: Force = False,
    made_from: From = None,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
) -> None:
    """Infer a schema from a CSV file; write a config."""
    columns = OfColumns(
        id_column, time_column, time_format, weight_column, drop, mandatory, label_time
    )
    file = OfFile(csv, label, positive, negative, delimiter, encoding, model, trial, profile)
    if made_from is None:
        _check_of_file(file, config, kafka_config)
        _from_file(file, columns, sample, output, force=force)
    else:
        _check_of_log(file, columns, sample)
        _from_log(config, kafka_config, sample, output, force=force)


def _check_of_file(file: OfFile, config: Path, kafka_config: Path | None) -> None:
    if None in (file.csv, file.label) or not file.positive:
        raise UsageError(
            "A config is made from a file: freshet init CSV --label COLUMN --positive VALUE. Or "
            "the numbers of one that there is, from its log: freshet init --from log -o FILE."
        )
    if config != DEFAULT_CONFIG or kafka_config is not None:
        option = "--kafka-config" if kafka_config is not None else "--config"
        raise UsageError(
            f"{option} is for --from log. A file needs no config; --output says where to write one."
        )


def _check_of_log(file: OfFile, columns: OfColumns, rows: int) -> None:
    others = [
        "a CSV file" if name == "csv" else f"--{name.replace('_', '-')}"
        for given, none in ((file, NO_FILE), (columns, NO_COLUMNS))
        for name, value, default in zip(given._fields, given, none, strict=True)
        if value not in (default, [])  # Typer gives empty lists
    ]
    if others:
        raise UsageError(
            f"--from log takes all but center, scale and edges from the config: leave out "
            f"{' and '.join(others)}, or leave out --from log to make a config from a file."
        )
    if not 0 < rows <= MOST_OF_LOG:
        raise UsageError(f"--from log looks at the newest rows: --sample 1 to {MOST_OF_LOG:,}.")


def _from_file(file: OfFile, columns: OfColumns, rows: int, output: Path, *, force: bool) -> None:
    assert file.csv is not None
    _check_free(output, file.csv, force=force)
    declared = file.declared(columns)
    origin = _origin(file.csv, file.delimiter, file.encoding, rows)
    how = _profile(file.profile), file.trial
    _write(_selected(origin, declared, _model(file.model, file.csv), output, how), output)


def _from_log(
    config: Path, kafka_config: Path | None, rows: int, output: Path, *, force: bool
) -> None:
    from converters.files.output import writing
    from stream.open_log import opened_log
    from stream.renewal.renewed_config import renewed

    known = read_config(config, kafka_config, only_read=True)
    _check_new(output, force=force)
    with (
        waiting_for(LOG),
        opened_log(known[0]) as log,
        progress("rows of the log") as shown,
    ):
        found = renewed(config, known, log, rows, shown)
    for line in found.words:
        say(line)
    if found.text is None:
        say(f"Nothing to propose: {config} stays as it is, and {output} is not written.")
        return
    with writing(str(output)) as out:
        out.write(found.text.encode())
    say(f"Wrote {output}: {config} with these numbers. Review it before use.")
    if output.resolve().parent != config.resolve().parent:
        say(f"Move it beside {config}: paths in it are relative to its folder.")
    said = f"freshet config diff --config {shlex.quote(str(output))}"
    if kafka_config is not None:
        said += f" --kafka-config {shlex.quote(str(kafka_config))}"
    say(f"What adopting it costs: {said}")
    if output != config:
        say(
            f"To adopt it, put it in the place of {config}; 'freshet config diff' says what to run."
        )


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
    _check_new(output, force=force)


def _check_new(output: Path, *, force: bool) -> None:
    if os.path.lexists(output) and not force:
        raise UsageError(
            f"{output} exists already; --force overwrites it, --output FILE writes another."
        )
