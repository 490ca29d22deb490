"""Corrected rows as JSON: what ``dead-letters --json`` prints, with or without ``--rows``, edited.

A list of objects. Each names where its row was, and has the row itself in one of two ways: its
cells by the columns' names, or ``raw``, the row as JSON or as a line of CSV.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import orjson

from converters.cells.escaping import quoted
from converters.cells.refusal import Refusal
from converters.errors import FreshetError
from converters.objects.json_rows import Broken, object_cells, parsed, shown
from converters.schema.column_names import ColumnNames
from converters.schema.schema import LABEL_NAMES, Schema
from stream.dead_letters.corrected_file import (
    ORIGIN,
    RAW,
    REASON,
    Filed,
    Form,
    event_form,
    label_form,
    no_origin,
)
from stream.dead_letters.refused_rows import Origin
from stream.log.contract import Place
from stream.log.topics import Topics

_TEXT = "text"


def json_list(file: str) -> bytes | None:
    """The content of a file, or of standard input, that begins as a list in JSON does."""
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as stream:
            begins = isinstance(stream, io.BufferedReader) and stream.peek(1)[:1] == b"["
            return stream.read() if begins else None
    except (OSError, ValueError):  # which reading it as CSV tells
        return None


class CorrectedListError(FreshetError):
    """A file of JSON is not a list of corrected rows."""


class CorrectedList:
    """A list of corrected rows in JSON.

    Args:
        content: of the file.
        name: the file's, for messages.
        schema: names the columns of events.
        topics: distinguish events from labels.

    Raises:
        CorrectedListError: it is no list in JSON.
    """

    def __init__(self, content: bytes, name: str, schema: Schema, topics: Topics) -> None:
        found = parsed(content)
        if not isinstance(found, list):
            why = found.fault if isinstance(found, Broken) else shown(found)
            raise CorrectedListError(
                f"{name} is not a list of refused rows in JSON ({why}). Start from what 'freshet "
                "dead-letters --rows events --json' (or labels) prints."
            )
        self._rows = found
        self._schema = schema
        names = ColumnNames(LABEL_NAMES, {}, ignore_extra=False)
        self._forms: dict[str, tuple[Form, ColumnNames]] = {
            topics.events: (event_form(schema), schema.column_names),
            topics.labels: (label_form(), names),
        }

    def rows(self) -> Iterator[Filed]:
        """The rows in order; the first has the number 1."""
        for number, row in enumerate(self._rows, 1):
            yield self._filed(number, row)

    def _filed(self, number: int, row: object) -> Filed:
        if not isinstance(row, dict):
            return Filed(number, None, Refusal("not-a-row", "", shown(row)))
        form, names = next(
            (each for topic, each in self._forms.items() if row.get(each[0].origin[0]) == topic),
            next(iter(self._forms.values())),
        )
        origin = _origin(row, form)
        if isinstance(origin, Refusal):
            return Filed(number, None, origin)
        if origin.place.topic not in self._forms:
            wrong = Refusal("not-a-dead-letter", "topic", quoted(origin.place.topic))
            return Filed(number, origin, wrong)
        ours = {*form.own((*ORIGIN, *REASON, RAW)), *({_TEXT} - set(form.names))}
        given = {name: value for name, value in row.items() if name not in ours}
        cells = object_cells(given, names, self._schema.numbers)
        raw = row.get(form.own((RAW,))[0])
        if isinstance(cells, Refusal) or any(cells) or raw in (None, ""):
            return Filed(number, origin, cells)
        return Filed(number, origin, cells, raw if isinstance(raw, str) else _dumped(raw))


def _origin(row: Mapping[str, Any], form: Form) -> Origin | Refusal:
    """Where a row was."""
    topic, *numbers = (row.get(name) for name in form.origin)
    found: list[int] = []
    if not isinstance(topic, str):
        return no_origin(ORIGIN[0], shown(topic))
    for name, number in zip(ORIGIN[1:], numbers, strict=True):
        if type(number) is not int or not 0 <= number < 2**63:
            return no_origin(name, shown(number))
        found.append(number)
    partition, offset, place = found
    return Origin(Place(topic, partition), offset, place)


def _dumped(raw: object) -> str:
    """A row that was written as JSON within the JSON; a backslash in it is no escape of ours."""
    return orjson.dumps(raw).decode().replace("\\", "\\\\")
