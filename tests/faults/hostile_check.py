"""Hostile records through the real pipeline, and everything that must be true afterwards.

Takes the records of :mod:`tests.faults.hostile` (or of a strategy), puts them on a log, lets the
real learner work, and compares what came out with the generator's judgement, with the equations of
counts, and with a second run over a log that holds only the rows that were scored.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from converters.convert.records import RowReader
from converters.objects.json_rows import Broken, opens_as_json, parsed
from stream.fold.outputs import DeadLetter, Score
from stream.log.contract import Outgoing
from tests.faults.hostile import CSV, JSON, Hostile
from tests.faults.hostile_cells import MORE
from tests.support.serving.project import BY_NAME, Project

# Records appended at a time.
APPENDED = 5_000
MINIMISING_SECONDS = 60.0
SHOWN = 1_500

Check = Callable[[Sequence[Hostile]], str]
Row = tuple[int, int]


@dataclass(frozen=True)
class Outcome:
    """What a run over some records left behind."""

    report: dict[str, Any]
    scores: list[Score]
    letters: list[DeadLetter]
    events: str
    reader: RowReader


@contextmanager
def project(log: str = "", model: str = "flights") -> Iterator[Project]:
    """A model in a folder that goes away again."""
    folder = Path(tempfile.mkdtemp())
    try:
        yield Project(folder, log=log, model=model, more=MORE, crosses=BY_NAME)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(given: Project, events: Sequence[Outgoing], labels: Sequence[Outgoing]) -> Outcome:
    """Put records on the topics, learn to the end, and read what was written."""
    with given.open_log() as log:
        topics = given.topics()
        for topic, records in ((topics.events, events), (topics.labels, labels)):
            for start in range(0, len(records), APPENDED):
                log.append(topic, records[start : start + APPENDED])
    reader = RowReader(given.schema)
    return Outcome(given.learn(), given.scores(), given.dead_letters(), topics.events, reader)


def problem(records: Sequence[Hostile], log: str = "", model: str = "flights") -> str:
    """What is wrong after a run over these records; empty if nothing is."""
    events = [record for record in records if not record.labels]
    labels = [record for record in records if record.labels]
    with project(log, model) as given, project() as alone:
        try:
            outcome = run(given, *([outgoing(r) for r in some] for some in (events, labels)))
        except Exception as error:  # whatever it is, input must not end a learner
            return f"the learner died: {type(error).__name__}: {str(error)[:SHOWN]}"
        found = judged(outcome, events, labels) or summed(outcome, events, labels)
        if found:
            return found
        good = run(alone, *only_good(outcome, events, labels))
        return compared(outcome, good)


def outgoing(record: Hostile) -> Outgoing:
    """A record as it is sent."""
    return Outgoing(record.value, record.time, record.headers)


def judged(outcome: Outcome, events: Sequence[Hostile], labels: Sequence[Hostile]) -> str:
    """Compare with what the generator knows of each row, whatever the converter thinks of it."""
    scored = {(s.offset, s.row): s.id for s in outcome.scores}
    for is_label, records in ((False, events), (True, labels)):
        letters = letters_of(outcome, labels=is_label)
        for offset, record in enumerate(records):
            for number, (verdict, said) in enumerate(record.rows):
                place = (offset, number)
                letter, score = letters.get(place), None if is_label else scored.get(place)
                got = f"scored as {score!r}" if score is not None else str(letter)
                wanted = f"{'label' if is_label else 'event'} {place} is {verdict} ({said!r}), but "
                if verdict == "bad" and (letter is None or said not in ("", letter.reason)):
                    return wanted + got
                if verdict == "good" and (letter is not None or (not is_label and score != said)):
                    return wanted + got
                if verdict == "duplicate" and (letter is not None or score is not None):
                    return wanted + got
    return ""


def letters_of(outcome: Outcome, *, labels: bool) -> dict[Row, DeadLetter]:
    """The dead letters of the events or of the labels, by offset and row."""
    return {(d.offset, d.row): d for d in outcome.letters if (d.topic != outcome.events) == labels}


def summed(outcome: Outcome, events: Sequence[Hostile], labels: Sequence[Hostile]) -> str:
    """See that each row is in exactly one place, and that the counts add up."""
    report = outcome.report
    scored = [(s.offset, s.row) for s in outcome.scores]
    refused = [(d.offset, d.row) for d in outcome.letters if d.topic == outcome.events]
    twice = [place for place, n in Counter(scored + refused).items() if n > 1]
    if twice:
        return f"events {twice[:3]} are written twice"
    lost = len(outcome.letters) - len(refused) - report["labels_rejected"]
    if lost or len(letters_of(outcome, labels=True)) != report["labels_rejected"]:
        return (
            f"labels_rejected is {report['labels_rejected']}, dead letters say otherwise ({lost})"
        )
    kinds = ("learned", "waiting", "expired", "scored_only", "rejected", "duplicates")
    if report["events"] != sum(report[kind] for kind in kinds):
        return f"events = {report['events']}, but the parts are {[report[k] for k in kinds]}"
    if report["rejected"] != len(refused):
        return f"rejected = {report['rejected']}, but {len(refused)} dead letters of events"
    if report["events"] != len(scored) + len(refused) + report["duplicates"]:
        return f"{report['events']} events: {len(scored)} scored, {len(refused)} refused"
    return counted(outcome, events) or counted_labels(outcome, labels)


def counted(outcome: Outcome, events: Sequence[Hostile]) -> str:
    """Compare the number of rows of each record with what was sent."""
    places = Counter(s.offset for s in outcome.scores)
    places += Counter(d.offset for d in outcome.letters if d.topic == outcome.events)
    for offset, record in enumerate(events):
        repeats = sum(verdict == "duplicate" for verdict, _ in record.rows)
        if record.whole and places[offset] != len(record.rows) - repeats:
            return f"record {offset} holds {len(record.rows)} rows, {places[offset]} are written"
    rows = sum(len(pieces(record, outcome.reader)) for record in events)
    return "" if rows == outcome.report["events"] else f"{rows} rows are on the log"


def counted_labels(outcome: Outcome, labels: Sequence[Hostile]) -> str:
    """The equation of labels."""
    report = outcome.report
    kinds = ("joined", "rejected", "duplicates", "late", "expired", "waiting")
    parts = [report[f"labels_{kind}"] for kind in kinds]
    sent = sum(len(pieces(record, outcome.reader)) for record in labels)
    if report["labels"] == sum(parts) == sent:
        return ""
    return f"{sent} labels were sent, labels = {report['labels']}, the parts are {parts}"


def pieces(record: Hostile, reader: RowReader) -> list[bytes]:
    """The rows of a record, cut as the rules say."""
    rows = reader.label_rows if record.labels else reader.event_rows
    _, raw = rows(record.value, record.headers)
    return raw()


def json_bytes(content: object) -> bytes:
    """JSON as Python writes it: NaN, huge numbers and lone surrogates included."""
    return json.dumps(content).encode()


def only_good(
    outcome: Outcome, events: Sequence[Hostile], labels: Sequence[Hostile]
) -> tuple[list[Outgoing], list[Outgoing]]:
    """The same records with nothing in them but the rows that were taken."""
    taken: dict[int, set[int]] = {}
    for score in outcome.scores:
        taken.setdefault(score.offset, set()).add(score.row)
    reader = outcome.reader
    kept_events = [
        _kept(record, taken.get(offset, set()), reader) for offset, record in enumerate(events)
    ]
    refused: dict[int, set[int]] = {}
    for offset, row in letters_of(outcome, labels=True):
        refused.setdefault(offset, set()).add(row)
    kept_labels = [
        _kept(record, set(range(len(pieces(record, reader)))) - refused.get(offset, set()), reader)
        for offset, record in enumerate(labels)
    ]
    return [r for r in kept_events if r], [r for r in kept_labels if r]


def _kept(record: Hostile, rows: set[int], reader: RowReader) -> Outgoing | None:
    """A record of some of a record's rows; None if there are none."""
    if not rows:
        return None
    all_rows = pieces(record, reader)
    some = [all_rows[row] for row in sorted(rows)]
    columns = tuple(header for header in record.headers if header[0] == "columns")
    if all(opens_as_json(row) and not isinstance(parsed(row), Broken) for row in some):
        return Outgoing(b"[" + b",".join(some) + b"]", record.time, JSON)
    return Outgoing(b"\n".join(some), record.time, CSV + columns)


def compared(outcome: Outcome, good: Outcome) -> str:
    """See that the bad rows have changed nothing."""
    if good.report["rejected"] or good.report["duplicates"] or good.report["labels_rejected"]:
        return f"a row that was taken is refused by itself: {good.letters[:2]}"
    for name in ("model_sha256", "log_loss", "auc", "learned", "waiting", "expired", "scored_only"):
        nothing = name == "model_sha256" and good.report[name] is None
        if outcome.report[name] != good.report[name] and not nothing:
            return f"{name}: {outcome.report[name]} with bad rows, {good.report[name]} without"
    left, right = ([(s.id, s.score, s.lessons) for s in o.scores] for o in (outcome, good))
    differing = [pair for pair in zip_longest(left, right) if pair[0] != pair[1]]
    return f"scores differ: {differing[:2]}" if differing else ""


def minimised(records: Sequence[Hostile], check: Check) -> str:
    """A few records that still fail, and their bytes, within a minute."""
    deadline = time.monotonic() + MINIMISING_SECONDS
    left, size = list(records), max(1, len(records) // 2)
    while size and time.monotonic() < deadline:
        for start in range(0, len(left), size):
            fewer = left[:start] + left[start + size :]
            if fewer and time.monotonic() < deadline and check(fewer):
                left = fewer
                break
        else:
            size //= 2
    shown = "\n".join(
        f"{'label' if r.labels else 'event'} at {r.time} {r.headers}: {r.value[:SHOWN]!r}"
        for r in left[:5]
    )
    return f"{len(left)} records are left of {len(records)}: {check(left)}\n{shown}"
