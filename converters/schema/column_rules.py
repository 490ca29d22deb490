"""What a column's settings may say together: contradictions are refused by the key's name.

A setting that would do nothing for such a column is refused too: it was meant to do something.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from converters.cells.feature import Feature
from converters.cells.numbers import LARGEST_FLOAT32
from converters.cells.quantities import MOST, MOST_WEIGHT, Weight
from converters.cells.refusal import RefusedCellError
from converters.cells.time_patterns import wrong_pattern
from converters.cells.times import UNITS
from converters.config.column_settings import ColumnSettings
from converters.errors import UsageError
from converters.schema.crossing import NOT_LEARNED

_RANGE = frozenset({"min", "max", "out_of_range"})
_MISSING = frozenset({"missing", "missing_values", "fill_value", "namespace"})
_BY_KIND = {
    "numeric": _MISSING | _RANGE | {"transform", "features"},
    "categorical": _MISSING | {"values", "rare_values", "rare", "unseen"},
    "text": _MISSING,
    "boolean": _MISSING | {"true_values", "false_values"},
    "time": _MISSING | {"parts", "zone", "format"},
    "integer": frozenset[str](),
}
_BY_TRANSFORM = {"scale": frozenset({"center", "scale"}), "bucket": frozenset({"edges"})}
_BY_FEATURE = {"scale": frozenset({"center", "scale", "clip"}), "bins": frozenset({"edges"})}
_BY_ROLE = {
    "time": frozenset({"zone", "format", "fold", "parts"}),
    "label": frozenset({"missing_values"}),
    "weight": _RANGE | {"missing", "missing_values", "fill_value"},
}
_OF_TIMES_WITH_PARTS = frozenset({"missing", "namespace"})


class SchemaError(UsageError):
    """The columns or the label map of the config contradict each other."""


def check_roles(columns: Mapping[str, ColumnSettings]) -> None:
    """See that there is something to learn, and a way to a label.

    Raises:
        SchemaError: there is not, or a role that only one column may have is given twice.
    """
    for role in ("id", "time", "label", "weight"):
        named = [name for name, c in columns.items() if c.role == role]
        if len(named) > 1:
            raise SchemaError(
                f"columns: {' and '.join(named)} both have the role '{role}'; one may."
            )
    if not any(c.role == "feature" or c.parts for c in columns.values()):
        raise SchemaError(
            "columns: no column has the role 'feature'; there is nothing to learn from."
        )
    if not any(c.role in ("id", "label") for c in columns.values()):
        raise SchemaError(
            "columns: no column has the role 'label' and none has 'id', so no event could ever get "
            "its label; give one of them the role."
        )


def check_column(name: str, column: ColumnSettings) -> None:
    """See that a column's settings make sense together.

    Raises:
        SchemaError: they do not; names the key.
    """
    key = f"columns.{name}"
    if not name or any(ord(c) < 32 for c in name):
        called = '; one above which the header is empty is called by its place, "Unnamed: 0"'
        raise SchemaError(
            f"{key}: a column needs a name without control characters{'' if name else called}."
        )
    if column.role == "feature" and column.kind is None:
        kinds = "numeric, categorical, text, boolean or time"
        raise SchemaError(f"{key}.kind is missing: say {kinds}.")
    if column.role == "feature" and column.kind == "integer":
        raise SchemaError(
            f"{key}.kind: 'integer' is how ids are read, with `role = \"id\"`. Whole numbers that "
            "are learned from are of kind 'numeric', or 'categorical' if they are codes."
        )
    if (column.role, column.kind) != ("id", "integer") and column.role != "feature" and column.kind:
        why = f": it is {NOT_LEARNED[column.role]}" if column.role in NOT_LEARNED else ""
        raise SchemaError(
            f"{key}.kind: a column of role '{column.role}' is no feature{why}, and has no kind; "
            "remove it."
        )
    _check_features(key, column)
    _check_meanings(key, column)
    _check_range(key, column)
    _check_edges(key, column)
    _check_values(key, column)
    _check_zone(key, column)
    if why := wrong_format(column.format, column.zone):
        raise SchemaError(f"{key}.format: {why}")
    if (column.missing == "constant") != (column.fill_value is not None) and column.kind:
        raise SchemaError(f'{key}: `missing = "constant"` and `fill_value` go together.')


def check_former_names(columns: Mapping[str, ColumnSettings]) -> None:
    """See that each former name means one column, and none that there is.

    Raises:
        SchemaError: one does not; names the key.
    """
    claimed: dict[str, str] = {}
    for name, column in columns.items():
        key = f"columns.{name}.was"
        for former in column.was:
            if not former or any(ord(c) < 32 for c in former):
                raise SchemaError(
                    f"{key}: a former name is blank or has a control character; no column had it."
                )
            if former == name:
                raise SchemaError(f"{key}: '{former}' is the column's name now; remove it.")
            if former in columns:
                raise SchemaError(
                    f"{key}: there is a column '{former}', which rows under that name mean; give "
                    "that column another name, or remove it."
                )
            if former in claimed:
                where = "twice" if claimed[former] == name else f"in columns.{claimed[former]} too"
                raise SchemaError(f"{key}: '{former}' is named {where}; only one column had it.")
            claimed[former] = name


def check_features(features: Sequence[Feature], columns: Mapping[str, ColumnSettings]) -> None:
    """See that derived features and namespaces have names of their own, and fillings pass.

    Raises:
        SchemaError: they do not; names the key.
    """
    for feature in features:
        if feature.part and feature.name in columns:
            raise SchemaError(
                f"columns.{feature.column}.parts: there is a column '{feature.name}' too; rename "
                "one of them."
            )
        if feature.settings.namespace in columns:
            raise SchemaError(
                f"columns.{feature.column}.namespace: '{feature.settings.namespace}' is a column; "
                "name the namespace in another way."
            )
        if feature.settings.fill_value is not None:
            _check_filling(feature, feature.settings.fill_value)


def check_words(
    names: Iterable[str], features: Sequence[Feature], columns: Mapping[str, ColumnSettings]
) -> None:
    """See that words of reasons are about columns that a score can come from.

    Raises:
        SchemaError: one is not; names the key.
    """
    learned = dict.fromkeys(feature.column for feature in features)
    for name in names:
        if name not in columns:
            close = difflib.get_close_matches(name, list(learned), n=1)
            mean = f"; did you mean '{close[0]}'?" if close else "."
            raise SchemaError(f"explain.words.{name}: there is no such column{mean}")
        if name not in learned:
            raise SchemaError(
                f"explain.words.{name}: nothing is learned from this column (role "
                f"'{columns[name].role}'), so that it is no reason for a score. Remove the words."
            )


def _check_filling(feature: Feature, filling: str) -> None:
    key = f"columns.{feature.column}.fill_value"
    settings = feature.settings.model_copy(update={"missing": "drop"})
    try:
        value = replace(feature, settings=settings).value(filling)
    except RefusedCellError as refused:
        raise SchemaError(f"{key}: '{filling}' would be refused ({refused.reason}).") from None
    if value is None:
        raise SchemaError(f"{key}: '{filling}' is itself missing here.")


def _check_meanings(key: str, column: ColumnSettings) -> None:
    for setting in sorted(column.model_fields_set - {"role", "kind"}):
        if setting not in _meaningful(column) | {"was"}:
            what = f"{column.kind} column" if column.kind else f"column of role '{column.role}'"
            if setting in ("center", "scale", "clip", "edges") and column.kind == "numeric":
                what = f"{what} with {_numbers_as(column)}"
            raise SchemaError(f"{key}.{setting} means nothing for a {what}; remove it.")
    if column.role == "weight" and column.missing not in ("drop", "reject"):
        raise SchemaError(f"{key}.missing: a missing weight is 1, `fill_value`, or reject.")


def _meaningful(column: ColumnSettings) -> frozenset[str]:
    """The settings, besides role and kind, that say something about such a column."""
    if column.kind:
        of_features = (_BY_FEATURE.get(feature, frozenset()) for feature in column.features)
        by_transform = _BY_TRANSFORM.get(column.transform, frozenset())
        return _BY_KIND[column.kind].union(by_transform, *of_features)
    with_parts = _OF_TIMES_WITH_PARTS if column.role == "time" and column.parts else frozenset()
    return _BY_ROLE.get(column.role, frozenset()) | with_parts


def _check_range(key: str, column: ColumnSettings) -> None:
    """Bounds that a learner can take: clipping to one that float32 cannot hold would poison it."""
    ends = [("min", column.min), ("max", column.max)]
    ends += [("center", column.center), ("scale", column.scale)]
    for end, bound in ends:
        if bound is not None and not abs(bound) <= LARGEST_FLOAT32:
            raise SchemaError(f"{key}.{end} is {bound}; it should be finite as float32.")
    if column.min is not None and column.max is not None and column.min > column.max:
        raise SchemaError(f"{key}: min {column.min} is not below max {column.max}.")
    if column.role == "weight":
        _check_weight(key, column)


def _check_weight(key: str, column: ColumnSettings) -> None:
    for end, bound in (("min", column.min), ("max", column.max)):
        if bound is not None and not 0 <= bound <= MOST_WEIGHT:
            raise SchemaError(f"{key}.{end} is {bound}; weights are 0 to {MOST_WEIGHT:g}.")
    if column.max is None and column.min is not None and column.min > MOST:
        raise SchemaError(
            f"{key}.min is {column.min}, above what a weight is at most if max says nothing, "
            f"{MOST:g}; name max too."
        )
    if column.fill_value is not None:
        try:
            Weight(column).value("")
        except RefusedCellError as refused:
            raise SchemaError(
                f"{key}.fill_value: '{column.fill_value}' would be refused ({refused.reason})."
            ) from None


def _numbers_as(column: ColumnSettings) -> str:
    """What is made of a column's numbers, as the config says it."""
    if column.features:
        return f"`features = {list(column.features)}`".replace("'", '"')
    return f'`transform = "{column.transform}"`'


def _check_features(key: str, column: ColumnSettings) -> None:
    """A number gives one number, or VW would add them up, and one bin."""
    if not column.features:
        return
    if "transform" in column.model_fields_set:
        raise SchemaError(f"{key}: `features` takes the place of `transform`; remove one of them.")
    numbers = [feature for feature in column.features if feature != "bins"]
    if len(numbers) > 1 or column.features.count("bins") > 1:
        raise SchemaError(
            f"{key}.features: {', '.join(column.features)} are too many: name one of raw, log1p "
            "and scale, and bins."
        )


def _check_edges(key: str, column: ColumnSettings) -> None:
    if column.transform != "bucket" and "bins" not in column.features:
        return
    if not column.edges:
        begins = "buckets begin" if column.transform == "bucket" else "bins begin"
        raise SchemaError(f"{key}.edges is missing: say where {begins}, as [10, 20].")
    if any(not low < high for low, high in pairwise(column.edges)):
        raise SchemaError(f"{key}.edges do not rise: {list(column.edges)}.")
    if not max(map(abs, column.edges)) <= LARGEST_FLOAT32:
        raise SchemaError(f"{key}.edges should be finite as float32.")


def _check_values(key: str, column: ColumnSettings) -> None:
    """Lists of spellings that contradict each other, and policies about lists that are empty."""
    lists = ("values", "rare_values", "true_values", "false_values", "missing_values")
    if column.kind == "boolean" and not (column.true_values and column.false_values):
        raise SchemaError(f"{key}: true_values and false_values each need a spelling.")
    seen: dict[str, str] = {}
    for name in lists if column.kind in ("categorical", "boolean") else ():
        if column.kind == "categorical" and name in ("true_values", "false_values"):
            continue
        for spelling in getattr(column, name):
            if seen.setdefault(spelling, name) != name:
                raise SchemaError(f"{key}: '{spelling}' is in {seen[spelling]} and in {name}.")
            if not spelling and name != "missing_values":
                raise SchemaError(f"{key}.{name}: the empty cell is missing.")
    if column.rare != "keep" and not column.rare_values:
        raise SchemaError(f"{key}.rare: no rare_values are named, so nothing is rare.")
    if column.unseen != "keep" and not (column.values or column.rare_values):
        raise SchemaError(f"{key}.unseen: no values are named, so nothing is unseen.")


def _check_zone(key: str, column: ColumnSettings) -> None:
    try:
        ZoneInfo(column.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SchemaError(_no_zone(key, column.zone)) from None
    derives = column.parts or (column.kind == "time" and column.parts is None)
    if column.kind == "time" and not derives:
        raise SchemaError(f"{key}.parts is empty: name a part, or drop the column.")
    if column.parts and len(set(column.parts)) < len(column.parts):
        raise SchemaError(f"{key}.parts names a part twice: {', '.join(column.parts)}.")
    if column.role == "time" and column.missing == "constant":
        raise SchemaError(
            f"{key}.missing: the parts of an event's time can be drop, indicator, or reject."
        )
    if column.fold != "earlier" and column.zone == "UTC":
        raise SchemaError(
            f"{key}.fold means nothing without `zone`: no time comes twice in UTC. Say the zone in "
            'which times are local, for example zone = "America/New_York".'
        )
    if derives and "zone" not in column.model_fields_set:
        raise SchemaError(
            f"{key}.zone is missing: the parts of a time depend on it. Say the zone on whose clock "
            'they are, for example zone = "America/New_York" (or "UTC").'
        )


def wrong_format(pattern: str, zone: str = "UTC") -> str:
    """Why a format of times is none, in words; empty if it is one."""
    return "" if not pattern or pattern in UNITS else wrong_pattern(pattern, zone)


def _no_zone(key: str, zone: str) -> str:
    """The message about an unknown zone, with one that may be meant."""
    known = available_timezones()
    city = [name for name in sorted(known) if name.rpartition("/")[2] == zone]
    close = city or difflib.get_close_matches(zone, sorted(known), n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ", as in 'America/New_York'."
    return f"{key}.zone: there is no time zone '{zone}'{hint}"
