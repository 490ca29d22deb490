"""What was inferred -> the text of ``freshet.toml``, with the reason for each decision beside it.

The last step of ``freshet init``. The sections that nobody asked about follow as comments, with
their defaults and meanings taken from :mod:`converters.settings`, so that they cannot go stale.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from converters import config, schema
from converters.cells import Refusal
from converters.column_settings import Section
from converters.infer import Inference, Told, infer
from converters.infer_column import Decision
from converters.sample import Sample
from converters.settings import CsvSettings, Settings
from converters.toml_text import key, quoted, value
from converters.vw_text import compile_schema

# The sections that are most often changed; docs/configuration.md has them all.
SHOWN_SECTIONS = ("learner", "late_labels", "checkpoint", "topics", "serve")

# Names up to so long are padded, so that what follows stands in a column.
PADDED_NAME = 24
VALUES_A_LINE = 8

LONGEST_MODEL_NAME = 100


@dataclass(frozen=True)
class WrittenConfig:
    """The text of a config file, and what the person should look at."""

    text: str
    warnings: tuple[str, ...]


def written(sample: Sample, told: Told, model: str, path: Path) -> WrittenConfig:
    """Infer the schema, write it, and try it on the sample.

    Args:
        sample: rows of a CSV file.
        told: what the person said about its columns.
        model: the model's name.
        path: where the text will stand.

    Raises:
        InferError: what was told does not fit the sample.
        CsvFileError: a cell of the time column is no time.
        ConfigError: the model's name cannot be one.
    """
    inference = infer(sample, told)
    text = config_text(model, sample, inference)
    warnings = list(inference.warnings)
    reasons = refused(text, path, sample)
    if reasons:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        warnings.append(f"rows of the sample would be refused under this config: {counts}.")
    return WrittenConfig(text, tuple(warnings))


def config_text(model: str, sample: Sample, inference: Inference) -> str:
    """The whole file."""
    parts = [
        f"# Written by 'freshet init' from {sample.described} of {quoted(sample.source)}.",
        "# Each column's kind is a guess from that sample, with its reason beside it: look through",
        "# them. Lines that begin with '#' show what else can be set, with the defaults.",
        "",
        f"model = {quoted(model)}",
        "",
        *_commented(Settings),
        "",
        "[label]",
        f"# {inference.labels.balance}.",
        *_spellings("positive", inference.labels.positive),
        *_spellings("negative", inference.labels.negative),
        "",
        "[columns]",
        "# Every column of a row, in the order in which rows hold them.",
        *_columns(inference.decisions),
    ]
    parts += _csv(sample.csv)
    for name in SHOWN_SECTIONS:
        parts += ["", *_section(name, Settings.model_fields[name], inference.crossings)]
    return "\n".join(parts) + "\n"


def refused(text: str, path: Path, sample: Sample) -> Counter[str]:
    """How many rows of the sample the written file would refuse, by reason.

    Raises:
        ConfigError: the file would not load.
    """
    settings = config.from_values(tomllib.loads(text), path)
    convert = compile_schema(schema.from_settings(settings)).row
    rows = map(convert, zip(*sample.columns.values(), strict=True))
    return Counter(row.reason for row in rows if isinstance(row, Refusal))


def model_name(source: str) -> str:
    """A model's name made of a file's: what names and topics cannot hold becomes a dash."""
    unpacked = re.sub(r"\.(gz|zst)$", "", source)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(unpacked).stem).strip("-_")
    return name[:LONGEST_MODEL_NAME] or "model"


def _columns(decisions: Sequence[Decision]) -> Iterator[str]:
    names = [key(d.name) for d in decisions]
    width = max(len(name) for name in [*names, ""] if len(name) <= PADDED_NAME)
    for name, decision in zip(names, decisions, strict=True):
        yield f"{name:{width}} = {value(decision.settings)}  # {decision.because}"


def _csv(csv: CsvSettings) -> Iterator[str]:
    """The section of how the file is written, where it is not as most are."""
    changed = csv.model_dump(exclude_defaults=True)
    if changed:
        yield from ("", "[csv]")
    for name, content in changed.items():
        yield f"{name} = {value(content)}  # {_meaning(CsvSettings, name)}, as told by --{name}"


def _spellings(name: str, spellings: Sequence[str]) -> Iterator[str]:
    if len(spellings) <= VALUES_A_LINE:
        yield f"{name} = {value(spellings)}"
        return
    yield f"{name} = ["
    for first in range(0, len(spellings), VALUES_A_LINE):
        yield f"  {', '.join(map(quoted, spellings[first : first + VALUES_A_LINE]))},"
    yield "]"


def _section(name: str, field: FieldInfo, crossings: Sequence[tuple[str, str]]) -> Iterator[str]:
    section = field.default
    assert isinstance(section, Section)
    yield f"# [{name}]"
    for line in _commented(type(section)):
        if crossings and line.startswith("# interactions = "):
            guess = value(crossings)
            yield f"# interactions = {guess}  # {_meaning(type(section), 'interactions')}; a guess"
        else:
            yield line
    for inner, inner_field in type(section).model_fields.items():
        if isinstance(inner_field.default, Section):
            yield from _section(f"{name}.{inner}", inner_field, ())


def _commented(section: type[BaseModel]) -> Iterator[str]:
    """A line for each key of a section that has a default, as a comment."""
    for name, field in section.model_fields.items():
        if field.default is PydanticUndefined or isinstance(field.default, Section):
            continue
        if field.default is None:  # TOML cannot say None: the line names the key alone
            yield f"# {name}: {field.description}"
        else:
            yield f"# {name} = {value(field.default)}  # {field.description}"


def _meaning(section: type[BaseModel], name: str) -> str:
    return section.model_fields[name].description or ""
