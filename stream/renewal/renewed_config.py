"""A config file with ``center``, ``scale`` and ``edges`` from what its log holds now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converters.cells.feature import Feature
from converters.config.settings import Settings
from converters.config.toml_text import key, parsed, value
from converters.errors import UsageError
from converters.schema.schema import Schema
from converters.show.tables import moment
from learners.registry import Registry
from learners.registry.errors import NoRegistryError
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.selection.number_drift import Drift, drift
from stream.checkpoints.written_schemas import schemas_before
from stream.log.contract import EventLog
from stream.log.journal import to_positions
from stream.log.topics import ends_of, topics_of
from stream.reading.conversion import record_reader
from stream.renewal.edited_numbers import KEYS, with_numbers
from stream.renewal.newest_numbers import newest_numbers
from stream.resolved_config import ResolvedConfig, resolve, with_writers

AS_THEY_ARE = {"transform": "none", "features": (), "min": None, "max": None}


@dataclass(frozen=True)
class Renewed:
    """What is proposed.

    Attributes:
        text: of the config file; None where nothing has moved.
        words: a line on the rows, and one or more on each column.
    """

    text: str | None
    words: tuple[str, ...]


def renewed(
    path: Path,
    config: tuple[Settings, Schema],
    log: EventLog,
    most: int,
    shown: Callable[[int], None] = lambda _: None,
) -> Renewed:
    """Hold the newest rows of the log against the numbers of a config.

    Args:
        path: the config file.
        config: what it says.
        log: the config's.
        most: how many rows to look at.
        shown: is called with the count of rows read so far.

    Raises:
        UsageError: no column has such numbers.
        NoRowsError: the log has no rows.
    """
    settings, schema = config
    text = path.read_bytes().decode("utf-8-sig")
    of_data = _of_data(path, parsed(text), schema)
    topic = topics_of(settings).events
    context, left_out = _context(resolve(settings, schema), log)
    plain = [_plain(feature) for feature in schema.features if feature.column in of_data]
    read = record_reader(context), plain
    found = newest_numbers(log, topic, read, most, left_out, shown)
    span = f"{moment(found.first)} to {moment(found.last)}"
    drifts = {
        name: drift(settings.columns[name], keys, found.numbers[name])
        for name, keys in of_data.items()
    }
    changed = {name: each.changed for name, each in drifts.items() if each.changed}
    return Renewed(
        with_numbers(text, changed) if changed else None,
        (f"The newest {found.rows:,} rows of {topic}, {span}:", *_words(settings, drifts)),
    )


def _plain(feature: Feature) -> Feature:
    """A column as the plain numbers of its cells, whatever the config makes of them."""
    return replace(feature, settings=feature.settings.model_copy(update=AS_THEY_ARE))


def _words(settings: Settings, drifts: Mapping[str, Drift]) -> Iterator[str]:
    """What became of each column."""
    for name, found in drifts.items():
        yield f"{key(name)} {found.words}."
        for each, new in found.changed.items():
            yield f"    {each}: {_short(getattr(settings.columns[name], each))} -> {_short(new)}"


def _of_data(path: Path, values: Mapping[str, Any], schema: Schema) -> dict[str, list[str]]:
    """The columns of numbers that are learned from, each with the keys that the file has of it.

    Raises:
        UsageError: there are none.
    """
    learned = {feature.column for feature in schema.features if not feature.part}
    columns: Mapping[str, Mapping[str, Any]] = values.get("columns", {})
    keys = {name: [k for k in KEYS if k in columns[name]] for name in columns if name in learned}
    of_data = {name: found for name, found in keys.items() if found}
    if not of_data:
        raise UsageError(
            f"No numeric column of {path} has center, scale or edges: there is nothing to propose "
            "from the log. 'freshet init CSV --label COLUMN --positive VALUE' tries them on a file."
        )
    return of_data


def _short(numbers: Any) -> str:  # noqa: ANN401  # a number, or edges
    if isinstance(numbers, tuple) and len(numbers) > 4:
        ends = ", ".join(map(value, numbers[:2])), ", ".join(map(value, numbers[-2:]))
        return f"[{ends[0]} … {ends[1]}] ({len(numbers)})"
    return value(numbers)


def _context(context: ResolvedConfig, log: EventLog) -> tuple[ResolvedConfig, OffsetRanges]:
    """With the schemas by which rows were written before, and what is in quarantine."""
    settings = context.settings
    try:
        with closing(Registry(settings.registry, settings.model, read_only=True)) as registry:
            live = registry.versions.live_lineage()
            held = registry.quarantines.held()
            if live is None:
                return context, held
            ends = to_positions(ends_of(log.describe(topics_of(settings).inputs)))
            return with_writers(context, schemas_before(context, registry, live, ends)), held
    except NoRegistryError:
        return context, OffsetRanges()
