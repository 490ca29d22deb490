"""A small model in a folder: its config, its rows, and the steps a user takes, in process.

The rows look like flights and are drawn from a fixed seed, so that every test sees the same ones.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.config import load
from converters.config.settings import Settings
from converters.files.csv_file import open_csv
from converters.schema import schema
from converters.schema.schema import Schema
from learners.registry import Registry
from learners.snapshots.store import SnapshotStore
from stream.backfill.backfill import Backfill
from stream.fold.outputs import DeadLetter, Score, read_dead_letters, read_scores
from stream.fold.pipeline import Pipeline, Written
from stream.learner.loop import Learning
from stream.learner.process import LearnerProcess, assembled
from stream.log import journal
from stream.log.batch import Batch
from stream.log.contract import EventLog, Outgoing
from stream.log.topics import Topics, create_topics
from stream.open_log import opened
from stream.produce.file_records import History, HistoryOptions
from stream.produce.producer import Pace, Producer
from stream.resolved_config import ResolvedConfig, resolve

COLUMNS = ("id", "at", "late", "carrier", "origin", "hour", "distance", "landed")

# How the distance is learned: its number and its bin.
DISTANCE = (
    'kind = "numeric", min = 0, max = 5000, features = ["scale", "bins"], center = 1500, '
    "scale = 850, edges = [200, 700, 1500, 2500]"
)
# What is crossed where columns are texts, or numbers whose products would be too large.
BY_NAME = '[["carrier", "origin"]]'
CONFIG = """
model = "{model}"
log = "{log}"
[label]
positive = ["1"]
negative = ["0"]
[learner]
kind = "{kind}"
args = "{args}"
interactions = {crosses}
[columns]
id = {{ role = "id" }}
at = {{ role = "time" }}
late = {{ role = "label" }}
carrier = {{ kind = "categorical" }}
origin = {{ kind = "categorical", missing = "indicator" }}
hour = {{ kind = "categorical" }}
distance = {{ {distance} }}
landed = {{ role = "drop" }}
[learn]
processes = {processes}
{learn_more}
[evaluation]
window = 500
{more}
"""


def flights(count: int, seed: int = 7) -> list[list[str]]:
    """Rows in order of time; each lands 20 to 400 minutes after it left."""
    draw = random.Random(seed)
    rows, at = [], 1_357_016_400
    for number in range(count):
        at += draw.choice((0, 0, 60, 120, 600))
        carrier, hour = draw.choice("AB") + draw.choice("XYZ"), draw.randrange(24)
        late = draw.random() < 0.1 + 0.02 * hour + 0.2 * (carrier == "AX")
        origin = draw.choice(("JFK", "LGA", "EWR", ""))
        landed = at + 60 * draw.randrange(20, 400)
        distance = draw.randrange(80, 3000)
        rows.append(
            [
                *(f"f{number}", str(at), str(int(late)), carrier, origin, str(hour)),
                *(str(distance), str(landed)),
            ]
        )
    return rows


def csv_text(rows: Iterable[Sequence[str]], header: Sequence[str] = COLUMNS) -> str:
    """The rows as a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


@dataclass
class Project:
    """A model in a folder of its own."""

    folder: Path
    log: str = ""
    model: str = "flights"
    kind: str = "vw"
    args: str = "-b 16"
    more: str = ""
    processes: int = 1
    learn_more: str = ""
    crosses: str = '"pairs"'
    settings: Settings = field(init=False)
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        """Write the config and load it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        names = ("model", "log", "kind", "args", "more", "processes", "learn_more", "crosses")
        parts = {name: getattr(self, name) for name in names}
        text = CONFIG.format(distance=DISTANCE, **parts)
        self.config_file.write_text(text, encoding="utf-8")
        self.settings = load.load(self.config_file)
        self.schema = schema.from_settings(self.settings)

    @property
    def config_file(self) -> Path:
        """Where the config stands."""
        return self.folder / "freshet.toml"

    @property
    def context(self) -> ResolvedConfig:
        """Settings, schema and learner."""
        return resolve(self.settings, self.schema)

    def edited(self, *changes: tuple[str, str]) -> Project:
        """The same with its config file edited: each text replaced by another."""
        text = self.config_file.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, f"nothing to edit: {old}"
            text = text.replace(old, new)
        self.config_file.write_text(text, encoding="utf-8")
        found = copy(self)
        found.settings = load.load(self.config_file)
        found.schema = schema.from_settings(found.settings)
        return found

    def open_log(self) -> closing[EventLog]:
        """The log, with its topics created."""
        log = opened(self.settings)
        create_topics(log, self.settings)
        return closing(log)

    def topics(self) -> Topics:
        """The topics' names."""
        with self.open_log() as log:
            return create_topics(log, self.settings)

    def registry(self) -> closing[Registry]:
        """The registry, open until the ``with`` ends."""
        return closing(Registry(self.settings.registry, self.settings.model))

    def snapshots(self) -> SnapshotStore:
        """The snapshot store."""
        return SnapshotStore(Path(self.settings.snapshots))

    def write_csv(self, rows: Iterable[Sequence[str]], header: Sequence[str] = COLUMNS) -> Path:
        """The rows as a file."""
        path = self.folder / "rows.csv"
        path.write_text(csv_text(rows, header), encoding="utf-8")
        return path

    def produce(self, path: Path, **options: Any) -> None:
        """Send a file to the log, as ``freshet produce`` does."""
        with self.open_log() as log, open_csv(str(path)) as file:
            history = History(file, self.schema, HistoryOptions(**options))
            topics = create_topics(log, self.settings)
            producer = Producer(log, topics, self.settings.topics.partitions)
            producer.send(history.records(), Pace(), lambda _: None)

    def append(self, *values: bytes, labels: bool = False, time: int | None = None) -> None:
        """Put records on the events or the labels topic."""
        with self.open_log() as log:
            topics = create_topics(log, self.settings)
            topic = topics.labels if labels else topics.events
            log.append(topic, [Outgoing(value, time) for value in values])

    def learn(self, seen: Callable[[Batch, LearnerProcess], None] | None = None) -> dict[str, Any]:
        """Learn to the log's end; ``seen`` may stop the process after any batch."""
        with assembled(self.context) as process:

            def after(batch: Batch, _learning: Learning) -> None:
                if seen is not None:
                    seen(batch, process)

            return process.run(after, until_end=True)

    def backfill(self, path: Path | None = None, **options: Any) -> dict[str, Any]:
        """A candidate of a file, or of the log in the journal's order."""
        with self.registry() as registry:
            maker = Backfill(self.context, registry, self.snapshots())
            if path is None:
                with self.open_log() as log:
                    fold = maker.fresh if options.get("fresh") else maker.from_journal
                    return fold(log, ignore)
            with open_csv(str(path)) as file:
                return maker.from_file(
                    History(file, self.schema, HistoryOptions(**options)), ignore
                )

    def scores(self) -> list[Score]:
        """All scores written."""
        with self.open_log() as log:
            return list(read_scores(journal.records(log, self.topics().scores)))

    def dead_letters(self) -> list[DeadLetter]:
        """All dead letters written."""
        with self.open_log() as log:
            return list(read_dead_letters(journal.records(log, self.topics().dead_letters)))


def ignore(_pipeline: Pipeline, _written: Written) -> None:
    """Look at nothing."""


def same(report: dict[str, Any]) -> tuple[Any, ...]:
    """What must be equal for two runs to count as the same; the scores are compared apart."""
    return tuple(
        report[name] for name in ("model_sha256", "log_loss", "auc", "events", "learned", "waiting")
    )


def answers(scores: Iterable[Score]) -> list[tuple[int, str, float, int]]:
    """``row,id,score,lessons``, in order of the events' ids (all tests name them)."""
    return [(s.row, s.id, s.score, s.lessons) for s in scores]
