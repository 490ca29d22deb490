"""What a backfill reads of the log, and the state that it saves where earlier outputs end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from stream.log.batch import Batch
from stream.log.contract import Place
from stream.log.journal import JournalLine
from stream.reading.assignment import PLAINLY, Again
from stream.reading.corrections import Rows
from stream.reading.record_reader import RecordReader


@dataclass(frozen=True)
class Reading:
    """What of the log is read: batches of the journal, or everything up to a limit."""

    records: RecordReader
    positions: Mapping[Place, int]
    lines: Sequence[JournalLine]
    limit: Mapping[Place, int] = field(default_factory=dict)
    again: Again = PLAINLY
    corrected: Rows = field(default_factory=dict)
    outputs_end: OutputsEnd | None = None


@dataclass
class OutputsEnd:
    """Saves the state before the first batch with rows that no learner has output.

    From there the learner that takes the candidate goes on, so that the scores and refusals of
    rows that only a backfill has read are written too.

    Attributes:
        output: the next offset of each partition that no learner has output.
        save: saves the state at these positions.
    """

    output: Mapping[Place, int]
    save: Callable[[Mapping[Place, int]], None]
    done: bool = False

    def before(self, batch: Batch, positions: Mapping[Place, int]) -> None:
        """Look at a batch that is to be folded from these positions."""
        if not self.done and any(at > self.output.get(p, 0) for p, at in batch.cut.items()):
            self.save(positions)
            self.done = True
