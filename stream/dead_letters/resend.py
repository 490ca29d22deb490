"""Which refused rows may be sent again, and sending them: what ``replay-dead-letters`` does.

A row may be sent for a dead letter if none was sent before, the model has not accepted the refused
row since, and the learner would accept the new one, which the learner's own conversion checks
before anything is sent. :mod:`stream.dead_letters.exactly_once` ensures that each is sent once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice

from converters.cells.refusal import Refusal
from converters.config.shown_url import shown_url
from converters.errors import FreshetError
from learners.registry import Registry
from stream.checkpoints.same_model import ChangedModelError, check_same, check_topics
from stream.checkpoints.written_schemas import schemas_before
from stream.dead_letters.corrected_file import Filed, RefusedAgain, Report
from stream.dead_letters.exactly_once import Corrected, Sender, sender, sent_before
from stream.dead_letters.judging import Judge, Written
from stream.dead_letters.refused_rows import Letter, Origin, RefusedRow, RefusedRows, inherited
from stream.log.contract import EventLog, Place
from stream.log.journal import to_positions
from stream.log.topics import described, ends_of, topics_of
from stream.reading.conversion import record_reader
from stream.resolved_config import ResolvedConfig, with_writers, writers_of

# Rows of a file that are checked together: each check reads all dead letters once.
LOOKED_AT = 20_000
# The joins refused it, not the converter: unchanged, it would be refused again.
CONFLICT = "conflicting-label"


@dataclass
class SendingAgain:
    """Sends refused rows again.

    Attributes:
        changed: why the config is not the live lineage's, if it is not.
        inherited: the offsets below which the live lineage read rows under its own config without
            writing dead letters itself.
        stopping: set to end after the current transaction.
    """

    context: ResolvedConfig
    log: EventLog
    refused: RefusedRows
    changed: ChangedModelError | None
    inherited: Mapping[Place, int]
    stopping: bool = False
    report: Report = field(default_factory=Report)

    @property
    def _judge(self) -> Judge:
        return Judge(self.refused.reader, self.refused.topics)

    def file(self, rows: Iterable[Filed], seen: Callable[[int], None]) -> Report:
        """Send the rows of a file that are good now.

        Raises:
            ChangedModelError: the config is not the learner's, so rows cannot be judged.
        """
        if self.changed is not None:
            raise self.changed
        left, count = iter(rows), 0
        with sender(self.log, self.context.settings) as sending:
            while not self.stopping and (chunk := list(islice(left, LOOKED_AT))):
                letters, looked = self._look_up(chunk, sending)
                for row in chunk:
                    self._take(row, letters, looked, sending)
                    count += 1
                    seen(count)
            sending.flush()
            self.report.sent = sending.sent_now
        return self.report

    def as_they_are(self, seen: Callable[[int], None]) -> Report:
        """Send rows that the learner would now accept unchanged; count those to correct."""
        with ExitStack() as stack:
            sending: Sender | None = None  # merely counting must not fence a sender off
            for count, row in enumerate(self._left(), 1):
                seen(count)
                if self._as_it_is(row):
                    sending = sending or stack.enter_context(
                        sender(self.log, self.context.settings)
                    )
                    written = self._judge.written(row.letter, row.cells or (), row)
                    self._send(row.letter, written, sending)
                elif self._met(row):
                    self.report.accepted_in_place += 1
                else:
                    self.report.left[row.letter.reason] += 1
                if self.stopping:
                    break
            if sending is not None:
                sending.flush()
                self.report.sent = sending.sent_now
        return self.report

    def to_correct(self, topic: str, reason: str | None) -> Iterator[RefusedRow]:
        """The rows of a topic, refused for this or any reason, that wait to be corrected."""
        left = self._left(lambda o: o.origin.place.topic == topic and reason in (None, o.reason))
        return (row for row in left if not self._met(row))

    def _left(self, wanted: Callable[[Letter], bool] = lambda _: True) -> Iterator[RefusedRow]:
        """The refused rows for which none has been sent; the others are counted."""
        sent = sent_before(self.log, self.refused.topics.replays)
        letters = (
            each
            for each in self.refused.letters()
            if wanted(each) and not self._known(each.origin, sent)
        )
        return self.refused.rows(letters)

    def _as_it_is(self, row: RefusedRow) -> bool:
        """Whether the learner would accept the row now, for example after an upgrade."""
        mine = self.changed is None and self.own(row.letter.origin)
        return row.taken and mine and row.letter.reason != CONFLICT

    def _met(self, row: RefusedRow) -> bool:
        """Whether the model has accepted the row at its original position."""
        return row.taken and self.changed is None and not self.own(row.letter.origin)

    def own(self, origin: Origin) -> bool:
        """Whether the live lineage itself refused the row of this origin."""
        return origin.offset >= self.inherited.get(origin.place, 0)

    def _known(self, origin: Origin, sent: Mapping[tuple[Place, int], set[int]]) -> bool:
        """Whether the row of this origin was sent; counted."""
        known = origin.row in sent.get((origin.place, origin.offset), ())
        self.report.already_sent += known
        return known

    def _look_up(
        self, rows: Sequence[Filed], sending: Sender
    ) -> tuple[dict[Origin, Letter], dict[Origin, RefusedRow]]:
        """The dead letters of these rows, and the refused rows."""
        wanted = {row.origin for row in rows if row.origin and not sending.knows(row.origin)}
        letters = {each.origin: each for each in self.refused.letters() if each.origin in wanted}
        return letters, {row.letter.origin: row for row in self.refused.rows(letters.values())}

    def _take(
        self,
        row: Filed,
        letters: Mapping[Origin, Letter],
        looked: Mapping[Origin, RefusedRow],
        sending: Sender,
    ) -> None:
        """Send a row of a file, or report why not."""
        origin, cells = row.origin, row.cells
        if origin is not None and sending.knows(origin) and origin not in sending.added:
            self.report.already_sent += 1
            return
        letter = None if origin is None else letters.get(origin)
        if isinstance(cells, Refusal):
            refusal: Refusal | None = cells
        elif origin in sending.added:
            refusal = Refusal("repeated-row", "", "")
        elif letter is None:
            refusal = Refusal("not-a-dead-letter", "", "")
        else:
            before = looked.get(letter.origin)
            judged = self._doubt(before, cells) or self._judge.judged(letter, row, before)
            refusal = judged if isinstance(judged, Refusal) else None
            if not isinstance(judged, Refusal):
                self._send(letter, judged, sending)
        if refusal is not None:
            again = RefusedAgain(row.line, origin, refusal.reason, refusal.column)
            self.report.refused.append(again)

    def _doubt(self, refused: RefusedRow | None, cells: Sequence[str]) -> Refusal | None:
        """Why no row may be sent for this one, even a valid one."""
        if refused is None:
            return None
        if not self.own(refused.letter.origin):
            if refused.taken:
                return Refusal("accepted-in-place", "", "")
            if not refused.found:
                return Refusal("original-gone", "", "")
        if refused.letter.reason == CONFLICT and list(cells) == list(refused.cells or ()):
            return Refusal(CONFLICT, "", "")
        return None

    def _send(self, letter: Letter, written: Written, sending: Sender) -> None:
        sending.add(Corrected(letter, written.value, written.headers))
        self.report.sent = sending.sent_now


def sending_again(context: ResolvedConfig, registry: Registry, log: EventLog) -> SendingAgain:
    """The sender for the live lineage.

    Raises:
        FreshetError: no learner has read the log yet.
        PositionError: a topic was recreated since it was read.
    """
    topics = topics_of(context.settings)
    lineage = registry.versions.live_lineage()
    if lineage is None:
        raise FreshetError(
            f"No learner has read {shown_url(context.settings.log)} for the model "
            f"'{context.settings.model}' yet, so no row has been refused. Start 'freshet learn'."
        )
    check_topics(log, topics, lineage.start)
    changed = None
    try:
        check_same(context, lineage)
        context, writers = context.read_by(lineage.converter), writers_of(lineage)
    except ChangedModelError as error:
        changed = error
        ends = to_positions(ends_of(described(log, topics.inputs)))
        writers = schemas_before(context, registry, lineage, ends)
    context = with_writers(context, writers)
    refused = RefusedRows(log, topics, record_reader(context))
    return SendingAgain(context, log, refused, changed, inherited(log, topics, registry, lineage))
