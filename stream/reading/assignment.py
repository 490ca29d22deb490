"""What a reader is to read: from where, which batches to replay, and where to end.

The learner has all this from its checkpoint and the journal. The reader gets it as an object or,
in another process, as one line of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import SecretStr

from converters.config.settings import Settings
from converters.schema import schema
from learners.learner import LearnerSpec
from stream.log import fingerprint
from stream.log.contract import Place
from stream.log.fingerprint import Mark
from stream.log.journal import JournalLine, to_cut, to_positions
from stream.resolved_config import ResolvedConfig, WrittenUntil, with_writers


@dataclass(frozen=True)
class Assignment:
    """What one reader reads.

    Attributes:
        context: the model's config.
        positions: the next offset of every partition.
        marks: the checksums of the records just before them.
        journal: the batches to replay first.
        limit: where to end; None for never.
        batch_rows: how many rows a new batch has, or somewhat more.
    """

    context: ResolvedConfig
    positions: Mapping[Place, int]
    marks: Mapping[Place, Mark]
    journal: Sequence[JournalLine]
    limit: Mapping[Place, int] | None
    batch_rows: int


def to_json(assignment: Assignment) -> bytes:
    """An assignment as one line of text, for the reader's standard input and nowhere else.

    It holds the secrets of Kafka, which a reader needs, and not those of the server.
    """
    context, limit = assignment.context, assignment.limit
    content = {
        "settings": _with_secrets(context.settings),
        "converter": context.schema.converter,
        "learner": context.spec.to_json(),
        "writers": [each.to_json() for each in context.writers],
        "positions": to_positions(assignment.positions),
        "marks": fingerprint.to_json(assignment.marks),
        "journal": [
            line._asdict() | {"cut": to_positions(line.cut)} for line in assignment.journal
        ],
        "limit": None if limit is None else to_positions(limit),
        "batch_rows": assignment.batch_rows,
    }
    return orjson.dumps(
        content, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    )


def _with_secrets(settings: Settings) -> dict[str, Any]:
    """The settings but the server's, with the secrets of Kafka, which are otherwise hidden."""
    dumped = settings.model_dump(mode="json", exclude={"serve"}, exclude_unset=True)
    dumped["kafka"] = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in settings.kafka.model_dump(exclude_unset=True).items()
    }
    return dumped


def from_json(line: bytes) -> Assignment:
    """The inverse of :func:`to_json`."""
    content: dict[str, Any] = orjson.loads(line)
    settings = Settings.model_validate(content["settings"])
    learner, limit = content["learner"], content["limit"]
    spec = LearnerSpec(learner["kind"], tuple(learner["args"]))
    read = schema.from_settings(settings, content["converter"])
    context = ResolvedConfig(settings, read, spec)
    writers = [WrittenUntil.from_json(each) for each in content["writers"]]
    return Assignment(
        with_writers(context, writers),
        to_cut(content["positions"]),
        fingerprint.from_json(content["marks"]),
        [JournalLine(**{**line, "cut": to_cut(line["cut"])}) for line in content["journal"]],
        None if limit is None else to_cut(limit),
        content["batch_rows"],
    )
