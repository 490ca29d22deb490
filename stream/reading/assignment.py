"""What a reader is to read: from where, which batches to replay, and where to end.

The learner has all this from its checkpoint and the journal. The reader gets it as an object or,
in another process, as one line of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from pydantic import SecretStr

from converters.config.settings import Settings
from converters.schema import schema
from learners.learner import LearnerSpec
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Fixed, Lineage
from stream.log import fingerprint
from stream.log.contract import Place
from stream.log.fingerprint import Mark
from stream.log.journal import JournalLine, to_cut, to_positions
from stream.reading.corrections import Corrections
from stream.resolved_config import ResolvedConfig, WrittenUntil, with_writers


class Step(NamedTuple):
    """A batch of an earlier lineage, to be taken again as far as it is not in quarantine.

    Attributes:
        line: the journal's.
        left_out: what that lineage left out of it; None where its records cannot be told apart,
            since another batch came before it then.
    """

    line: JournalLine
    left_out: OffsetRanges | None


@dataclass(frozen=True)
class Again:
    """How a log is read that was read before.

    Attributes:
        quarantined: records that are left out.
        guide: batches to be taken again, after those of the journal.
        corrected: which corrected rows are taken in place of what is left out.
    """

    quarantined: OffsetRanges = field(default_factory=OffsetRanges)
    guide: Sequence[Step] = ()
    corrected: Corrections | None = None

    def within(self, fixed: Fixed) -> Fixed:
        """What is fixed for a lineage that reads so."""
        corrected = None if self.corrected is None else self.corrected.to_json()
        return fixed._replace(quarantined=self.quarantined.to_json() or None, corrected=corrected)


def again_of(lineage: Lineage) -> Again:
    """How a lineage reads, but for what it follows."""
    corrected = Corrections.from_json(lineage.corrected)
    return Again(OffsetRanges.from_json(lineage.quarantined), corrected=corrected)


# As it is there, all of it.
PLAINLY = Again()


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
        again: what is left out, and what of the lineage before is taken again.
    """

    context: ResolvedConfig
    positions: Mapping[Place, int]
    marks: Mapping[Place, Mark]
    journal: Sequence[JournalLine]
    limit: Mapping[Place, int] | None
    batch_rows: int
    again: Again = PLAINLY


def to_json(assignment: Assignment) -> bytes:
    """An assignment as one line of text, for the reader's standard input and nowhere else.

    It holds the secrets of Kafka, which a reader needs, and not those of the server.
    """
    context, limit, corrected = assignment.context, assignment.limit, assignment.again.corrected
    left_out = {line.lineage: of for line, of in assignment.again.guide if of is not None}
    content = {
        "settings": _with_secrets(context.settings),
        "converter": context.schema.converter,
        "learner": context.spec.to_json(),
        "writers": [each.to_json() for each in context.writers],
        "positions": to_positions(assignment.positions),
        "marks": fingerprint.to_json(assignment.marks),
        "journal": list(map(_line_json, assignment.journal)),
        "quarantined": assignment.again.quarantined.to_json(),
        "corrected": None if corrected is None else corrected.to_json(),
        # Once each: a lineage has one for all of its lines, of thousands of ranges it may be.
        "left_out": {lineage: of.to_json() for lineage, of in left_out.items()},
        "guide": [(_line_json(line), of is not None) for line, of in assignment.again.guide],
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
    left_out = {int(of): OffsetRanges.from_json(it) for of, it in content["left_out"].items()}
    guide = [
        Step(_line_of(line), left_out[line["lineage"]] if told else None)
        for line, told in content["guide"]
    ]
    return Assignment(
        with_writers(context, writers),
        to_cut(content["positions"]),
        fingerprint.from_json(content["marks"]),
        list(map(_line_of, content["journal"])),
        None if limit is None else to_cut(limit),
        content["batch_rows"],
        Again(
            OffsetRanges.from_json(content["quarantined"]),
            guide,
            Corrections.from_json(content["corrected"]),
        ),
    )


def _line_json(line: JournalLine) -> dict[str, Any]:
    return line._asdict() | {"cut": to_positions(line.cut)}


def _line_of(content: dict[str, Any]) -> JournalLine:
    return JournalLine(**{**content, "cut": to_cut(content["cut"])})
