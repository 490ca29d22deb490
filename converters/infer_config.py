"""A sample and what was told -> a config file's text that fits its whole file, as far as can be.

What ``freshet init`` calls. It guesses (:mod:`converters.init.columns`), writes
(:mod:`converters.init.config_text`), tries the text on the file (:mod:`converters.init.tried_on_the_file`), and
guesses again with the rows that it would have refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from converters.config import load
from converters.files.csv_file import CsvFile
from converters.init.columns import Told, infer, worth_crossing
from converters.init.config_text import config_text
from converters.init.tried_on_the_file import Found, Trial, rows_of_file, rows_of_sample, tried
from converters.sampling.rows_of_a_file import Sample
from converters.schema import schema

# A second guess may refuse what the first did not: a category was taken for a number.
MOST_GUESSES = 3

Opening = Callable[[], AbstractContextManager[CsvFile]]


@dataclass(frozen=True)
class WrittenConfig:
    """The text of a config file, what it was inferred from, and what the person should look at."""

    text: str
    sample: Sample
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where the rows of a sample come from.

    Attributes:
        sample: the rows.
        reopened: opens their file again; None for standard input, which can be read once.
        everything: whether to go on to the end of a huge file.
    """

    sample: Sample
    reopened: Opening | None = None
    everything: bool = False


def written(origin: Origin, told: Told, model: str, path: Path) -> WrittenConfig:
    """Infer the schema, write it, and try it on the file.

    Args:
        origin: rows of a CSV file.
        told: what the person said about its columns.
        model: the model's name.
        path: where the text will stand.

    Raises:
        InferError: what was told does not fit the sample.
        CsvFileError: a cell of the time column is no time, or the file cannot be read.
        ConfigError: the model's name cannot be one.
    """
    sample = origin.sample
    for guess in range(1, MOST_GUESSES + 1):
        inference = infer(sample, told)
        text = config_text(model, sample, inference)
        trial = try_text(text, path, origin)
        again = sample.with_rows(trial.rows_about(_guessed(sample, told)))
        if again.rows == sample.rows or guess == MOST_GUESSES:
            break
        sample = again
    text = config_text(model, sample, inference, worth_crossing(inference, sample))
    loaded(text, path)
    warnings = list(inference.warnings)
    refused = trial.described(sum(map(len, sample.unreadable.values())))
    if refused:
        rows = "the sample" if origin.reopened is None else f"the {trial.read:,} tried"
        warnings.append(f"rows of {rows} would be refused under this config: {refused}.")
    return WrittenConfig(text, sample, tuple(warnings))


def _guessed(sample: Sample, told: Told) -> set[str]:
    """The columns of which a guess was made: of the others, nothing would change."""
    settled = {name for _, name, role in told.roles if role != "label" or told.negative}
    return set(sample.columns) - settled


def loaded(text: str, path: Path) -> schema.Schema:
    """The schema that a config file's text says.

    Raises:
        ConfigError: the text would not load.
    """
    return schema.from_settings(load.from_values(tomllib.loads(text), path))


def try_text(text: str, path: Path, origin: Origin) -> Trial:
    """What a config file's text does to the rows of its file.

    Raises:
        ConfigError: the text would not load.
    """
    built = loaded(text, path)
    if origin.reopened is None:
        return tried(rows_of_sample(origin.sample), built)
    with origin.reopened() as file:
        rows: Iterable[Found] = rows_of_file(file, everything=origin.everything)
        return tried(rows, built)
