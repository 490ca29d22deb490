"""A guessed config, tried on every row of its file: what it would refuse, and rows to guess again.

The sample does not hold every cell of the file: a value of the label or a spelling of missing that
is rare would be refused. The rows that show it are added to the sample, and the guess is made
again.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from converters.cells.refusal import Refusal
from converters.config import load
from converters.convert.to_vw_text import compile_schema
from converters.files.csv_file import CsvFile
from converters.init.config_text import Proposal, config_text
from converters.init.declared import Declared
from converters.init.interactions import crossings
from converters.init.schema_inference import Inference, infer
from converters.sampling.date_notations import is_dated
from converters.sampling.file_sample import Sample
from converters.sampling.number_notations import is_number_otherwise
from converters.schema.schema import Schema, from_settings

# What is tried of a huge file, in a few seconds.
LARGEST_TRIED = 64 * 2**20
# Rows to guess again from: some of each kind of refusal, and not so many as to outweigh the sample.
ROWS_A_REFUSAL = 5
MOST_ROWS = 1_000
# A second guess may refuse what the first did not: a category was taken for a number.
MOST_GUESSES = 3
# Why a row has no cells to look at, or not as many as the header.
WITHOUT_CELLS = frozenset({"not-utf8", "wrong-width", "text-after-quote", "bare-cr"})

# The line of a row and its cells, or why it has none.
Found = tuple[int, Sequence[str] | Refusal]
Opening = Callable[[], AbstractContextManager[CsvFile]]


@dataclass
class Trial:
    """What happened to the rows of a file under a schema.

    Attributes:
        refused: how many rows were refused, by reason.
        first: the line of the first row refused for each reason.
        rows: some of the refused rows that have all cells: line, cells, and why.
        read: how many rows were tried.
    """

    refused: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, Sequence[str], Refusal]] = field(default_factory=list)
    read: int = 0

    def described(self, reported: int = 0) -> str:
        """The refusals in words; rows without cells only if more than were reported already."""
        without = sum(self.refused[reason] for reason in WITHOUT_CELLS)
        return ", ".join(
            f"{count:,} {reason} (first in line {self.first[reason]})"
            for reason, count in self.refused.most_common()
            if without > reported or reason not in WITHOUT_CELLS
        )


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
        everything: whether to read a huge file to its end.
    """

    sample: Sample
    reopened: Opening | None = None
    everything: bool = False

    def rows(self) -> Iterator[Found]:
        """The rows of the file, to its end or as far as a few seconds reach, or of the sample."""
        if self.reopened is None:
            columns = self.sample.columns.values()
            yield from zip(self.sample.lines, zip(*columns, strict=True), strict=True)
            return
        with self.reopened() as file:
            for row in file.rows():
                yield row.line, file.dialect.cells_of(row.content)
                if not self.everything and file.bytes_read > LARGEST_TRIED:
                    return


# How the columns of a sample are best learned.
Proposing = Callable[[Sample, Inference], Proposal]


def crossed_only(sample: Sample, inference: Inference) -> Proposal:
    """The columns as they were inferred, with the pairs that help for sure."""
    return Proposal(inference.decisions, crossings=crossings(inference, sample))


def written(
    origin: Origin, declared: Declared, model: str, path: Path, propose: Proposing = crossed_only
) -> WrittenConfig:
    """Infer the schema, write it, and try it on the file.

    Args:
        origin: rows of a CSV file.
        declared: what the options say of its columns.
        model: the model's name.
        path: where the text will be.
        propose: says how the columns are learned.

    Raises:
        InferError: what the options declare does not fit the sample.
        CsvFileError: a cell of the time column is no time, or the file cannot be read.
        ConfigError: the model's name cannot be one.
    """
    sample = origin.sample
    settled = {name for name, role in declared.roles if role != "label" or declared.negative}
    for guess in range(1, MOST_GUESSES + 1):
        inference = infer(sample, declared)
        text = config_text(model, sample, inference.labels, Proposal(inference.decisions))
        trial = try_text(text, path, origin)
        # Of columns that are settled, another guess would change nothing.
        changing = [
            (line, cells)
            for line, cells, why in trial.rows
            if why.column not in settled or _is_time_otherwise(why, declared)
        ]
        again = sample.with_rows(changing)
        if again.rows == sample.rows or guess == MOST_GUESSES:
            break
        sample = again
    proposal = propose(sample, inference)
    text = config_text(model, sample, inference.labels, proposal)
    loaded(text, path)
    warnings = [*inference.warnings, *proposal.warnings, *_refused(trial, sample, origin)]
    return WrittenConfig(text, sample, tuple(warnings))


def _refused(trial: Trial, sample: Sample, origin: Origin) -> Iterator[str]:
    refused = trial.described(sum(map(len, sample.unreadable.values())))
    if refused:
        rows = "the sample" if origin.reopened is None else f"the {trial.read:,} tried"
        yield f"rows of {rows} would be refused under this config: {refused}."


def loaded(text: str, path: Path) -> Schema:
    """The schema that a config file's text says.

    Raises:
        ConfigError: the text would not load.
    """
    return from_settings(load.from_values(tomllib.loads(text), path))


def try_text(text: str, path: Path, origin: Origin) -> Trial:
    """What a config file's text does to the rows of its file.

    Raises:
        ConfigError: the text would not load.
    """
    trial = Trial()
    built = loaded(text, path)
    convert = compile_schema(built).row
    alike: Counter[Refusal] = Counter()
    for line, cells in origin.rows():
        trial.read += 1
        refusal = cells if isinstance(cells, Refusal) else convert(cells)
        if not isinstance(refusal, Refusal):
            continue
        trial.refused[refusal.reason] += 1
        trial.first.setdefault(refusal.reason, line)
        if isinstance(cells, Refusal) or len(cells) != len(built.columns) or _knowingly(refusal):
            continue
        if len(trial.rows) < MOST_ROWS and alike[refusal] < ROWS_A_REFUSAL:
            alike[refusal] += 1
            trial.rows.append((line, cells, refusal))
    return trial


def _is_time_otherwise(refusal: Refusal, declared: Declared) -> bool:
    """Whether it is of a time of which the format was guessed, perhaps wrongly."""
    if refusal.column != declared.time_column or declared.time_format:
        return False
    return refusal.reason == "ambiguous-time" or is_dated(refusal.text)


def _knowingly(refusal: Refusal) -> bool:
    """Whether it is of a number in another notation: more of these would only outweigh others."""
    return refusal.reason == "not-a-number" and is_number_otherwise(refusal.text)
