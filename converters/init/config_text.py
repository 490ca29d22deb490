"""What was inferred -> the text of ``freshet.toml``, with the reason for each decision beside it.

Sections that no option asked about follow with their keys as comments, defaults and meanings taken
from :mod:`converters.config.settings`, so that they cannot go stale.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from converters.config.column_settings import Section
from converters.config.learning_settings import LearnerSettings
from converters.config.settings import CsvSettings, Settings
from converters.config.toml_text import key, quoted, value
from converters.init.column_decision import Decision
from converters.init.declared import Labels
from converters.init.interactions import Crossing
from converters.sampling.file_sample import Sample

# The sections that are most often changed; docs/configuration.md has them all.
SHOWN_SECTIONS = (
    *("learner", "late_labels", "evaluation", "imbalance", "calibration"),
    *("checkpoint", "topics", "explain", "serve"),
)

WIDTH = 100
VALUES_A_LINE = 8

LONGEST_MODEL_NAME = 100

# Begins a line that may replace the one above it.
OTHERWISE = "# or: "


_COLUMNS = (
    "Every column of a row, in the order in which rows hold them. A column not to be learned from "
    'has the role "drop", one known only when the label is the role "leak". A number outside min '
    ".. max is clipped to the range. A row that lacks a column is scored without it, unless the "
    "column rejects it: the line for that stands below each that is never missing here ('init "
    "--mandatory all' writes them)."
)


@dataclass(frozen=True)
class Proposal:
    """How the columns are learned.

    Attributes:
        decisions: of the columns, in the file's order.
        learner: keys of the section ``learner`` that are set.
        crossings: the pairs that were looked at, as the section tells of them.
        measured: lines on what was tried, for the head of the file.
        warnings: what the person should look at, besides what was inferred.
    """

    decisions: Sequence[Decision]
    learner: Mapping[str, Any] = field(default_factory=dict)
    crossings: Sequence[Crossing] = ()
    measured: Sequence[str] = ()
    warnings: Sequence[str] = ()


def config_text(model: str, sample: Sample, labels: Labels, proposal: Proposal) -> str:
    """The whole file."""
    parts = [
        *_wrapped(f"Written by 'freshet init' from {sample.described} of {quoted(sample.source)}."),
        *_wrapped(
            "Each column is a guess from that sample, with its reason above it: look through them. "
            f"A line that begins with '{OTHERWISE.strip()}' can replace the one above it. Other "
            "lines with '#' show what else can be set, with the defaults."
        ),
        *(f"# {line}".rstrip() for line in proposal.measured),
        "",
        f"model = {quoted(model)}",
        "",
        *_commented(Settings),
        "",
        "[label]",
        *_wrapped(f"{labels.balance}.{_first_named(labels)}"),
        *_spellings("positive", labels.positive),
        *_spellings("negative", labels.negative),
        "",
        "[columns]",
        *_wrapped(_COLUMNS),
    ]
    for decision in proposal.decisions:
        parts += ["", *_column(decision)]
    parts += _csv(sample.csv)
    for name in SHOWN_SECTIONS:
        of_learner = proposal if name == "learner" else None
        parts += ["", *_section(name, Settings.model_fields[name], of_learner)]
    return "\n".join(parts) + "\n"


def model_name(source: str) -> str:
    """A model's name made of a file's: what names and topics cannot hold becomes a dash."""
    unpacked = re.sub(r"\.(gz|zst)$", "", source)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(unpacked).stem).strip("-_")
    return name[:LONGEST_MODEL_NAME] or "model"


def _column(decision: Decision) -> Iterator[str]:
    name = key(decision.name)
    yield from _wrapped(f"{decision.because[:1].upper()}{decision.because[1:]}.")
    yield f"{name} = {value(decision.settings)}"
    for other in decision.otherwise:
        yield f"{OTHERWISE}{name} = {value(other.settings)}  # {other.when}"
    if decision.never_missing and "edges" in decision.settings:
        yield '# Never missing here: missing = "reject" would refuse rows without it.'
    elif decision.never_missing and decision.settings.get("missing") != "reject":
        mandatory = value({**decision.settings, "missing": "reject"})
        yield f"{OTHERWISE}{name} = {mandatory}  # never missing here: to refuse rows without it"


def _wrapped(comment: str) -> list[str]:
    """A comment on as many lines as it needs; cells that it quotes are printable already."""
    return textwrap.wrap(
        comment,
        WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _first_named(labels: Labels) -> str:
    if max(len(labels.positive), len(labels.negative)) == 1:
        return ""
    return " Answers name a class by its first spelling: the most frequent one comes first."


def _csv(csv: CsvSettings) -> Iterator[str]:
    """The section of how the file is written, where it is not as most are."""
    changed = csv.model_dump(exclude_defaults=True)
    if changed:
        yield from ("", "[csv]")
    for name, content in changed.items():
        yield f"{name} = {value(content)}  # {_meaning(CsvSettings, name)}"


def _spellings(name: str, spellings: Sequence[str]) -> Iterator[str]:
    if len(spellings) <= VALUES_A_LINE:
        yield f"{name} = {value(spellings)}"
        return
    yield f"{name} = ["
    for first in range(0, len(spellings), VALUES_A_LINE):
        yield f"  {', '.join(map(quoted, spellings[first : first + VALUES_A_LINE]))},"
    yield "]"


def _section(name: str, info: FieldInfo, proposal: Proposal | None) -> Iterator[str]:
    section = _within(info)
    assert section is not None
    # No comment, though no key below it is set: a key uncommented would be in another section.
    yield f"[{name}]"
    for line in _commented(section):
        key_name = line.removeprefix("# ").partition(" = ")[0]
        if proposal is not None and key_name in proposal.learner:
            content = value(proposal.learner[key_name])
            yield f"{key_name} = {content}  # {_meaning(section, key_name)}"
        elif proposal is not None and key_name == "interactions":
            yield from _interactions(line, proposal.crossings)
        else:
            yield line
    for inner, inner_field in section.model_fields.items():
        if _within(inner_field) is not None:
            yield from _section(f"{name}.{inner}", inner_field, None)


def _within(info: FieldInfo) -> type[Section] | None:
    """The section that a field holds, perhaps, or several times; none where each has a name."""
    if get_origin(info.annotation) is dict:
        return None
    kinds = (info.annotation, *get_args(info.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, Section)), None)


def _interactions(line: str, crossings: Sequence[Crossing]) -> Iterator[str]:
    """The pairs with good evidence live, or else the best guesses as a comment."""
    if not crossings:
        yield line
        return
    yield f"# interactions: {_meaning(LearnerSettings, 'interactions')}"
    sure = all(crossing.is_sure for crossing in crossings)
    if sure:
        yield "# These lower the log loss on held-out rows of the sample, each beside those above:"
    else:
        yield from _wrapped(
            "These may help, but the rows of the sample held out do not make it certain. To cross "
            "them, take away the '#' before the key below them:"
        )
    yield from (f"#   {quoted(crossing.evidence)[1:-1]}" for crossing in crossings)
    pairs = value([crossing.pair for crossing in crossings])
    yield f"interactions = {pairs}" if sure else f"# interactions = {pairs}"


def _commented(section: type[BaseModel]) -> Iterator[str]:
    """A line for each key of a section that has a default, as a comment."""
    for name, info in section.model_fields.items():
        if info.default is PydanticUndefined or _within(info) is not None:
            continue
        if info.default is None:  # TOML has no None: the line only names the key
            yield f"# {name}: {info.description}"
        else:
            yield f"# {name} = {value(info.default)}  # {info.description}"


def _meaning(section: type[BaseModel], name: str) -> str:
    return section.model_fields[name].description or ""
