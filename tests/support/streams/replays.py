"""Refused rows of a project: made, listed, mended and sent again, in process or as a program.

``python -m tests.support.streams.replays POINT FOLDER FILE`` sends a file's rows again and dies at
a point of its
first transaction: ``before`` it, ``inside`` it (or, as ``stall``, stays there), or ``after`` it; or
so many seconds after it began.
"""

from __future__ import annotations

import csv
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from converters.config import load
from converters.files.csv_file import open_csv
from converters.files.framing import csv_line
from converters.schema import schema
from learners.registry import Registry
from stream.dead_letters import exactly_once
from stream.dead_letters.corrected_file import CorrectedFile, Report, event_form, label_form
from stream.dead_letters.exactly_once import ORIGIN_HEADER, Sender
from stream.dead_letters.resend import SendingAgain, sending_again
from stream.log import journal
from stream.log.contract import EventLog, Outgoing, Place, Record
from stream.open_log import opened
from stream.resolved_config import resolve
from tests.support.serving.project import Project
from tests.support.streams.log_processes import Stalling

Mend = Callable[[dict[str, str]], None]


def row(number: int, distance: object = 100, late: object = 1, name: str = "f") -> bytes:
    """An event row of the project; text as its distance makes it a bad one."""
    return f"{name}{number},1357016400,{late},AX,JFK,3,{distance},".encode()


def refused(folder: Path, *values: bytes, **project: Any) -> Project:
    """A project that has read these records."""
    made = Project(folder, **project)
    made.append(*values, time=1_357_020_000_000)
    made.learn()
    return made


@contextmanager
def sending(project: Project) -> Iterator[SendingAgain]:
    """What the command works with."""
    with closing(opened(project.settings)) as log, project.registry() as registry:
        yield sending_again(project.context, registry, log)


def listed(project: Project, *, labels: bool = False) -> list[dict[str, str]]:
    """The refused rows as ``dead-letters --rows`` prints them."""
    form = label_form() if labels else event_form(project.schema)
    with sending(project) as at_work:
        topics = at_work.refused.topics
        rows = at_work.to_correct(topics.labels if labels else topics.events, None)
        text = "\n".join(csv_line(line) for line in (form.header, *map(form.line, rows)))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """Rows as a file to hand in."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def mended(project: Project, mend: Mend, *, labels: bool = False) -> Path:
    """A file of all refused rows, each mended."""
    rows = listed(project, labels=labels)
    for each in rows:
        mend(each)
    return write(project.folder / "mended.csv", rows)


def far_to_near(row: dict[str, str]) -> None:
    """A distance that is a number."""
    row["distance"] = "700"


def replay(project: Project, path: Path | None = None) -> Report:
    """What ``replay-dead-letters`` does."""
    with sending(project) as at_work:
        if path is None:
            return at_work.as_they_are(lambda _: None)
        with open_csv(str(path)) as file:
            context = at_work.context
            earlier = [each.schema.names for each in context.writers]
            filed = CorrectedFile(file, context.schema, at_work.refused.topics, earlier)
            return at_work.file(filed.rows(), lambda _: None)


def sent_again(project: Project, *, labels: bool = False) -> list[tuple[str, Record]]:
    """The records that were sent again, each with the origin that its header names."""
    topics = project.topics()
    with project.open_log() as log:
        found = journal.records(log, topics.labels if labels else topics.events)
        headers = ((dict(record.headers).get(ORIGIN_HEADER), record) for record in found)
        return [(origin.decode(), record) for origin, record in headers if origin is not None]


def reload(project: Project, change: Callable[[str], str]) -> None:
    """Edit the project's config."""
    project.config_file.write_text(change(project.config_file.read_text("utf-8")), "utf-8")
    project.__dict__["settings"] = load.load(project.config_file)
    project.__dict__["schema"] = schema.from_settings(project.settings)


def die() -> None:
    """As if the machine had lost its power."""
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(Stalling):
    """Headers at which a process dies in the middle of writing its records."""

    __slots__ = ()

    def _stall(self) -> None:
        die()


def program(point: str, folder: str, file: str) -> None:
    """Send a file's rows again, and do not live to the end of it."""
    flush: Callable[[Sender], None] = Sender.flush
    mark: Callable[..., Outgoing] = exactly_once._mark

    def flushed(self: Sender) -> None:
        if point == "before":
            die()
        if point[0].isdigit() and not self.sent_now:
            killer = Timer(float(point), die)
            killer.daemon = True
            killer.start()
        flush(self)
        if point == "after":
            die()

    def marked(*origin: Any) -> Outgoing:
        headers = {"inside": Dying(), "stall": Stalling()}.get(point, ())
        return mark(*origin)._replace(headers=headers)

    Sender.flush = flushed  # type: ignore[method-assign]
    exactly_once.__dict__["_mark"] = marked
    settings = load.load(Path(folder) / "freshet.toml")
    context = resolve(settings, schema.from_settings(settings))
    log: EventLog = opened(settings)
    with closing(log), closing(Registry(settings.registry, settings.model)) as registry:
        at_work = sending_again(context, registry, log)
        with open_csv(file) as opened_file:
            filed = CorrectedFile(opened_file, context.schema, at_work.refused.topics)
            at_work.file(filed.rows(), lambda _: None)


def origins(project: Project, count: int) -> list[str]:
    """The first row of each of the first records of events."""
    place = Place(project.topics().events, 0)
    return [f"{place.topic}:{place.partition}:{offset}:0" for offset in range(count)]


if __name__ == "__main__":
    program(*sys.argv[1:])
