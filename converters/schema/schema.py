"""The schema of an event row: columns with role and kind, the label map, and a hash of it all.

Built once from the settings; the converter, the learner's interactions and the snapshot's manifest
all follow from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from converters.cells.feature import Feature
from converters.cells.kind import CANONICAL_FROM, CONVERTER_VERSION, check_converter
from converters.cells.spellings import EXACT_INTEGERS, Spellings
from converters.cells.times import TimeReading
from converters.config.column_settings import ColumnSettings
from converters.config.settings import Settings
from converters.schema.column_names import ColumnNames
from converters.schema.column_rules import (
    SchemaError,
    check_column,
    check_features,
    check_former_names,
    check_roles,
    check_words,
)
from converters.schema.crossing import NAMESPACE_LETTERS, crossed

__all__ = [
    "CONVERTER_VERSION",
    "NAMESPACE_LETTERS",
    "Column",
    "Feature",
    "Schema",
    "SchemaError",
    "from_settings",
]

# Between the cells of a row where the config sets no other.
DELIMITER = ","

# The fields of a label, and the most that a row of CSV holds.
LABEL_NAMES = ("id", "label", "time")

# What a time column gives where the config names no parts: as a feature these, as the event's
# time none.
DEFAULT_PARTS = ("hour", "weekday", "month")


class Column(NamedTuple):
    """One column: its name and its settings."""

    name: str
    settings: ColumnSettings


# Stands for the time column of a schema that has none.
_UNTIMED = Column("", ColumnSettings(role="time"))

# From here on a JSON number is refused where a number is no amount, but a category or a token:
# whole ones are parsed as floats too.
PARSED_INTEGERS = 2.0**64


class LabelCodes(dict[str, int | None]):
    """What each spelling of a label means; other spellings of one number or truth value too.

    Only ``[]`` finds those, and raises ``KeyError`` for what is no label.
    """

    def __init__(self, codes: Mapping[str, int | None]) -> None:
        super().__init__(codes)
        self._spellings = Spellings(codes)

    def __missing__(self, cell: str) -> int | None:
        spelt = self._spellings.of(cell)
        if spelt not in self:
            raise KeyError(cell)
        return self[spelt]


@dataclass(frozen=True)
class Schema:
    """What rows look like and what their cells mean.

    Attributes:
        columns: in the order in which a CSV row holds them.
        features: what is learned from, in the columns' order.
        labels: each accepted spelling of a label -> 1 (positive) or 0 (negative).
        interactions: pairs of namespace letters.
        delimiter: the character between two cells of a CSV row.
        ignore_extra: whether a row may have fields that are no columns.
        path: the fields that lead to the rows of an event record of JSON.
        labels_path: the same for labels.
        former: names of columns that there were before, under which rows may still have cells;
            those that are nobody's former name are passed over.
        renamed: names that columns had in schemas before, each with the column, besides ``was``.
        converter: the version of the converter by which cells are read.
    """

    columns: tuple[Column, ...]
    features: tuple[Feature, ...]
    labels: Mapping[str, int]
    interactions: tuple[tuple[str, str], ...] = ()
    delimiter: str = DELIMITER
    ignore_extra: bool = False
    path: tuple[str, ...] = ()
    labels_path: tuple[str, ...] = ()
    former: frozenset[str] = frozenset()
    renamed: tuple[tuple[str, str], ...] = ()
    converter: int = CONVERTER_VERSION

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def mandatory(self) -> tuple[str, ...]:
        """The columns that a row must not leave out."""
        return tuple(c.name for c in self.columns if c.settings.missing == "reject")

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The columns whose cells are numbers."""
        return frozenset(
            c.name
            for c in self.columns
            if c.settings.kind == "numeric" or c.settings.role == "weight"
        )

    def read_by(self, converter: int) -> Schema:
        """The same, reading cells as this version of the converter does.

        Raises:
            UnknownConverterError: this release does not have that version.
        """
        check_converter(converter)
        if converter == self.converter:
            return self
        features = tuple(replace(each, converter=converter) for each in self.features)
        return replace(self, features=features, converter=converter)

    @cached_property
    def whole(self) -> Mapping[str, float]:
        """The columns in which a JSON number without a fraction is its integer.

        Each with where numbers begin whose digits may not be those that were sent: an id's must be.
        """
        if self.converter < CANONICAL_FROM:
            return {}
        roles = {"id": EXACT_INTEGERS, "time": PARSED_INTEGERS}
        kinds = {"text": PARSED_INTEGERS, "time": PARSED_INTEGERS}
        found = ((c.name, c.settings.role, c.settings.kind or "") for c in self.columns)
        return {
            name: most for name, role, kind in found if (most := roles.get(role) or kinds.get(kind))
        }

    @property
    def whole_in_labels(self) -> Mapping[str, float]:
        """The same of the fields of labels."""
        if self.converter < CANONICAL_FROM:
            return {}
        return {"id": EXACT_INTEGERS, "time": PARSED_INTEGERS}

    @property
    def has_integer_ids(self) -> bool:
        """Whether ids are whole numbers, and not texts."""
        identity = self.only("id")
        return identity is not None and identity.settings.kind == "integer"

    def only(self, role: str) -> Column | None:
        """The one column of a role that at most one column has (id, time, label, weight)."""
        return next((c for c in self.columns if c.settings.role == role), None)

    def index(self, role: str) -> int | None:
        """The place of that column in a row."""
        column = self.only(role)
        return None if column is None else self.columns.index(column)

    @cached_property
    def times(self) -> TimeReading:
        """How times of events and of labels are read: as the time column's, wherever they come."""
        return self.times_of("")

    def times_of(self, name: str) -> TimeReading:
        """The same for a column: by its own settings if it is one of times."""
        return TimeReading.of(self.time_settings(name), self.converter)

    def time_settings(self, name: str = "") -> ColumnSettings:
        """The settings by which the times of a column are read."""
        named = (c for c in self.columns if c.name == name and c.settings.kind == "time")
        return (next(named, None) or self.only("time") or _UNTIMED).settings

    @cached_property
    def label_codes(self) -> Mapping[str, int | None]:
        """What each accepted label cell means: 1, 0, or None for a label not known yet."""
        label = self.only("label")
        unknown = ("",) if label is None else ("", *label.settings.missing_values)
        codes = {**dict.fromkeys(unknown), **self.labels}
        return LabelCodes(codes) if self.converter >= CANONICAL_FROM else codes

    @cached_property
    def label_fields(self) -> Mapping[str, str]:
        """The schema's names for what labels call id and label, the preferred first.

        Empty for those of the event's time and of columns that are gone, which say neither.
        """
        found = {"id": self.only("id"), "label": self.only("label"), "": self.only("time")}
        named = {column.name: field for field, column in found.items() if column is not None}
        former = self.column_names.former.items()
        fields = named | {n: named.get(c, "") for n, c in former if not c or c in named}
        return {name: field for name, field in fields.items() if name not in LABEL_NAMES}

    @cached_property
    def column_names(self) -> ColumnNames:
        """Which column each name of a row means."""
        was = {name: column.name for column in self.columns for name in column.settings.was}
        known = was | dict(self.renamed)
        gone = dict.fromkeys(self.former.difference(self.names, known), "")
        return ColumnNames(self.names, known | gone, self.ignore_extra)

    @cached_property
    def hash(self) -> str:
        """sha256 over everything that decides what text a row becomes."""
        content: dict[str, object] = {
            "converter": self.converter,
            "columns": [[c.name, _deciding(c.settings)] for c in self.columns],
            "namespaces": {f.name: f.namespace for f in self.features if f.namespace},
            "labels": sorted(self.labels.items()),
            "interactions": self.interactions,
        }
        if self.delimiter != DELIMITER:
            content["delimiter"] = self.delimiter
        if self.ignore_extra or self.path or self.labels_path:
            content["record"] = [self.ignore_extra, self.path, self.labels_path]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def label_spellings(self) -> tuple[str, str]:
        """The first spelling of (negative, positive): how answers name the classes."""
        first = {code: text for text, code in reversed(list(self.labels.items()))}
        return first[0], first[1]


def _deciding(settings: ColumnSettings) -> dict[str, object]:
    """The settings of a column that decide what text its cells become, for the hash.

    Settings that are added later must not change the hash of a schema without them. The parts of a
    time are the same whichever of its moments it is.
    """
    return settings.model_dump(mode="json", exclude_defaults=True, exclude={"fold"})


def from_settings(settings: Settings, converter: int = CONVERTER_VERSION) -> Schema:
    """Build the schema.

    Args:
        settings: the columns, the label map, and how rows are laid out.
        converter: the version of the converter by which cells are read.

    Raises:
        SchemaError: roles or kinds are missing or contradict each other; names the key.
        CrossingError: the interactions name what cannot be crossed.
        UnknownConverterError: this release does not have that version.
    """
    check_converter(converter)
    check_roles(settings.columns)
    for name, column in settings.columns.items():
        check_column(name, column)
    check_former_names(settings.columns)
    features = tuple(_features(settings.columns, converter))
    check_features(features, settings.columns)
    check_words(settings.explain.words, features, settings.columns)
    labels = _labels(settings.label.negative, settings.label.positive)
    _check_unknown_labels(settings.columns, labels)
    asked = settings.learner.interactions, settings.learner.pairs_most
    meeting = crossed(features, settings.columns, *asked)
    columns = tuple(Column(name, column) for name, column in settings.columns.items())
    record = settings.record
    return Schema(
        columns,
        meeting.features,
        labels,
        meeting.pairs,
        settings.csv.delimiter,
        record.extra == "ignore",
        record.fields,
        record.labels_fields,
        converter=converter,
    )


def _features(columns: Mapping[str, ColumnSettings], converter: int) -> Iterator[Feature]:
    for name, column in columns.items():
        if column.kind == "time" or column.role == "time":
            default = DEFAULT_PARTS if column.kind == "time" else ()
            for part in default if column.parts is None else column.parts:
                yield Feature(f"{name}.{part}", name, column, part=part, converter=converter)
        elif column.role == "feature":
            yield Feature(name, name, column, converter=converter)


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
