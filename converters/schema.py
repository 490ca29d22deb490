"""The schema of an event row: columns with role and kind, the label map, and a hash of it all.

Built once from the settings; the compiled converter (:mod:`converters.vw_text`), the learner's
interactions and the snapshot's manifest all follow from it.
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from converters.cells import LARGEST_FLOAT32
from converters.errors import UsageError
from converters.settings import ColumnSettings, Settings

# Part of the schema's hash: raise it when the same cells would give another text.
CONVERTER_VERSION = 1

# VW crosses namespaces by their first character; letters cannot be taken for syntax.
NAMESPACE_LETTERS = string.ascii_lowercase + string.ascii_uppercase


class SchemaError(UsageError):
    """The columns or the label map of the config contradict each other."""


@dataclass(frozen=True)
class Column:
    """One column: its name, its settings, and the VW namespace its features go to.

    ``namespace`` is a letter for a column that takes part in an interaction, else empty.
    """

    name: str
    settings: ColumnSettings
    namespace: str = ""


@dataclass(frozen=True)
class Schema:
    """What rows look like and what their cells mean.

    Attributes:
        columns: in the order in which a CSV row holds them.
        labels: each accepted spelling of a label -> 1 (positive) or 0 (negative).
        interactions: pairs of namespace letters.
    """

    columns: tuple[Column, ...]
    labels: Mapping[str, int]
    interactions: tuple[tuple[str, str], ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def features(self) -> tuple[Column, ...]:
        """The columns that are learned from, in order."""
        return tuple(c for c in self.columns if c.settings.role == "feature")

    def only(self, role: str) -> Column | None:
        """The one column of a role that at most one column has (id, time, label)."""
        return next((c for c in self.columns if c.settings.role == role), None)

    def index(self, role: str) -> int | None:
        """Where that column stands in a row."""
        column = self.only(role)
        return None if column is None else self.columns.index(column)

    @cached_property
    def label_codes(self) -> Mapping[str, int | None]:
        """What each accepted label cell means: 1, 0, or None for a label not known yet."""
        label = self.only("label")
        unknown = ("",) if label is None else ("", *label.settings.missing_values)
        return {**dict.fromkeys(unknown), **self.labels}

    @cached_property
    def hash(self) -> str:
        """sha256 over everything that decides what text a row becomes."""
        content = {
            "converter": CONVERTER_VERSION,
            "columns": [
                [c.name, c.namespace, c.settings.model_dump(mode="json")] for c in self.columns
            ],
            "labels": sorted(self.labels.items()),
            "interactions": self.interactions,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def label_spellings(self) -> tuple[str, str]:
        """The first spelling of (negative, positive): how answers name the classes."""
        first = {code: text for text, code in reversed(list(self.labels.items()))}
        return first[0], first[1]


def from_settings(settings: Settings) -> Schema:
    """Build the schema.

    Raises:
        SchemaError: roles or kinds are missing or contradict each other; names the key.
    """
    _check_roles(settings.columns)
    crossed = list(dict.fromkeys(name for pair in settings.learner.interactions for name in pair))
    letters = _letters(crossed, settings.columns)
    for name, column in settings.columns.items():
        _check_column(name, column)
    labels = _labels(settings.label.negative, settings.label.positive)
    _check_unknown_labels(settings.columns, labels)
    return Schema(
        tuple(Column(n, s, letters.get(n, "")) for n, s in settings.columns.items()),
        labels,
        tuple((letters[a], letters[b]) for a, b in settings.learner.interactions),
    )


def _check_roles(columns: Mapping[str, ColumnSettings]) -> None:
    for role in ("id", "time", "label"):
        named = [name for name, c in columns.items() if c.role == role]
        if len(named) > 1:
            raise SchemaError(
                f"columns: {' and '.join(named)} both have the role '{role}'; one may."
            )
    if not any(c.role == "feature" for c in columns.values()):
        raise SchemaError(
            "columns: no column has the role 'feature'; there is nothing to learn from."
        )
    if not any(c.role in ("id", "label") for c in columns.values()):
        raise SchemaError(
            "columns: no column has the role 'label' and none has 'id', so no event could ever get "
            "its label; give one of them the role."
        )


def _check_column(name: str, column: ColumnSettings) -> None:
    key = f"columns.{name}"
    if not name or any(ord(c) < 32 for c in name):
        raise SchemaError(f"{key}: a column needs a name without control characters.")
    if column.role == "feature" and column.kind is None:
        raise SchemaError(f"{key}.kind is missing: say numeric, categorical or text.")
    if column.role != "feature" and column.kind is not None:
        raise SchemaError(f"{key}.kind: a column of role '{column.role}' has no kind; remove it.")
    for setting in sorted(column.model_fields_set - {"role", "kind"}):
        if setting not in _meaningful(column):
            what = f"{column.kind} column" if column.kind else f"column of role '{column.role}'"
            raise SchemaError(f"{key}.{setting} means nothing for a {what}; remove it.")
    _check_range(key, column)
    try:
        ZoneInfo(column.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SchemaError(f"{key}.zone: there is no time zone '{column.zone}'.") from None


def _meaningful(column: ColumnSettings) -> frozenset[str]:
    """The settings, besides role and kind, that say something about such a column."""
    if column.role == "feature":
        numeric = {"min", "max", "out_of_range", "transform"} if column.kind == "numeric" else set()
        return frozenset({"missing", "missing_values"} | numeric)
    return frozenset({"time": {"zone"}, "label": {"missing_values"}}.get(column.role, set()))


def _check_range(key: str, column: ColumnSettings) -> None:
    """Bounds that a learner can take: clipping to one that float32 cannot hold would poison it."""
    for end, bound in (("min", column.min), ("max", column.max)):
        if bound is not None and not abs(bound) <= LARGEST_FLOAT32:
            raise SchemaError(f"{key}.{end} is {bound}; it should be finite as float32.")
    if column.min is not None and column.max is not None and column.min > column.max:
        raise SchemaError(f"{key}: min {column.min} is not below max {column.max}.")


def _letters(crossed: list[str], columns: Mapping[str, ColumnSettings]) -> dict[str, str]:
    for name in crossed:
        if name not in columns or columns[name].role != "feature":
            raise SchemaError(
                f"learner.interactions names '{name}', which is not a feature column."
            )
    if len(crossed) > len(NAMESPACE_LETTERS):
        raise SchemaError(
            f"learner.interactions crosses {len(crossed)} columns; VW has namespaces for "
            f"{len(NAMESPACE_LETTERS)}."
        )
    return dict(zip(crossed, NAMESPACE_LETTERS, strict=False))


def _labels(negative: tuple[str, ...], positive: tuple[str, ...]) -> dict[str, int]:
    both = sorted(set(negative) & set(positive))
    if both:
        raise SchemaError(f"label: '{both[0]}' is named as positive and as negative.")
    if "" in negative or "" in positive:
        raise SchemaError("label: the empty cell means that the label is not known yet.")
    return dict.fromkeys(negative, 0) | dict.fromkeys(positive, 1)


def _check_unknown_labels(columns: Mapping[str, ColumnSettings], labels: Mapping[str, int]) -> None:
    for name, column in columns.items():
        for spelling in column.missing_values if column.role == "label" else ():
            if spelling in labels:
                raise SchemaError(
                    f"columns.{name}.missing_values: '{spelling}' is a class of the label map too."
                )
