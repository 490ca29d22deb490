"""Appends rows with what their callers are given, once for each id, many requests at once.

One thread of a server process takes what waits: it claims the ids, appends the rows of all requests
together, and lets them be answered once these are on the log. So a hundred requests cost two
commits more than one, and none of this process is under way while the thread looks at the ids.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Condition, Thread
from typing import NamedTuple

from converters.config.settings import Settings
from converters.errors import FreshetError
from converters.logger import log
from serve.http.problems import BusyError
from serve.live.answered_ids import Given, GivenScores, digest_of, is_gone, this_process
from serve.live.log_appender import Appender, Newest, Warnings
from serve.rows.appended_records import Counted
from serve.rows.remembered_rows import RowsToRemember
from stream.log.contract import LogUnavailableError
from stream.log.signed_scores import Answer, make_key, signed
from stream.log.topics import topics_of

# What more could wait would not be answered in time.
MOST_WAITING = 1024
# Requests that are appended together, and their rows.
AT_ONCE, ROWS_AT_ONCE = 256, 10_000
# How soon to look again whether another process has finished an id that a request waits for.
AGAIN_SECONDS = 0.02
# How long a server that ends waits for a log that hangs.
ENDING_SECONDS = 5.0
STILL = (
    "Another server process is still appending a row of this id, and has not finished in time: "
    "send it again, and it gets the same answer."
)


class Outcome(NamedTuple):
    """What became of a request's rows.

    Attributes:
        first: what callers of an earlier request were given, by the row's number.
        appended: how many rows were appended.
        warnings: what the sender should know of these.
    """

    first: dict[int, Given]
    appended: int
    warnings: Warnings


@dataclass(eq=False)
class Asked:
    """Rows of a request that are to be remembered.

    Attributes:
        rows: all of the request.
        scores: that its caller is to be given, by the row's number; none of a refused row.
        answer: what the scores have in common.
        warn: finds what the sender should know of the records.
        until: when its caller is told that it was not done, by the monotonic clock.
        done: gets what became of it.
    """

    rows: RowsToRemember
    scores: dict[int, float]
    answer: Answer
    warn: Callable[[Sequence[Counted], Newest], Warnings]
    until: float
    done: Future[Outcome] = field(default_factory=Future)


@dataclass(eq=False)
class _Work:
    """A request that is being appended.

    Attributes:
        digests: of the ids of its rows, by their numbers.
        first: rows that were given a score before.
        claims: the others, with the records that they go into.
        records: of these, signed.
        counted: the same without their headers.
    """

    asked: Asked
    digests: dict[int, bytes]
    first: dict[int, Given] = field(default_factory=dict)
    claims: dict[bytes, Given] = field(default_factory=dict)
    records: list[Counted] = field(default_factory=list)


class Remembering:
    """The owner of the thread; started when it is first needed.

    Args:
        settings: of the config.
        appender: appends.
    """

    def __init__(self, settings: Settings, appender: Appender) -> None:
        self._home, self._topic = settings.home, topics_of(settings).events
        self._kept_ms = round(settings.late_labels.wait * 1000)
        self._appender = appender
        self._owner = this_process()
        self._waiting: deque[Asked] = deque()
        # Those with an id that another process has claimed.
        self._blocked: list[Asked] = []
        self._changed = Condition()
        self._thread: Thread | None = None
        self._closed = False
        # Of the thread: what is known of ids, the key, and which rows are on the log since.
        self._given: GivenScores | None = None
        self._key = b""
        self._finished: list[bytes] = []

    def submit(self, asked: Asked) -> Future[Outcome]:
        """Have rows remembered; the result comes once they are on the log.

        Raises:
            BusyError: too many requests wait.
        """
        with self._changed:
            if len(self._waiting) >= MOST_WAITING or self._closed:
                raise BusyError(
                    "Too many requests wait for the log, which is slow or does not answer. "
                    "Nothing was done for this one: send it again in a moment."
                )
            self._waiting.append(asked)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="remembering", daemon=True)
                self._thread.start()
            self._changed.notify()
        return asked.done

    def close(self) -> None:
        """End the thread once it has appended what waits, if that does not take long."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(ENDING_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                # What was finished is noted with the next requests, if there are some soon.
                soon = AGAIN_SECONDS if self._blocked or self._finished else None
                self._changed.wait_for(lambda: self._waiting or self._closed, soon)
                self._waiting.extendleft(reversed(self._blocked))
                self._blocked = []
                asked = self._taken()
            if asked or self._finished:
                self._serve(asked)
            elif self._closed:
                break
        if self._given is not None:
            self._given.close()

    def _taken(self) -> list[Asked]:
        taken, rows = list[Asked](), 0
        while self._waiting and len(taken) < AT_ONCE and rows < ROWS_AT_ONCE:
            taken.append(self._waiting.popleft())
            rows += len(taken[-1].scores)
        return taken

    def _serve(self, asked: list[Asked]) -> None:
        """Append these, or tell each why not."""
        asked = [each for each in asked if not each.done.done()]
        try:
            self._append(asked)
        except FreshetError as error:
            if len(asked) > 1 and not isinstance(error, LogUnavailableError):
                for each in asked:  # one of them is at fault, and it alone is told
                    self._serve([each])
                return
            _fail(asked, error)
        except Exception as error:  # a bug must not end the thread
            log.exception("remembering")
            _fail(asked, error)

    def _append(self, asked: Sequence[Asked]) -> None:
        """One round: claim, append, answer."""
        if self._given is None:
            self._given = GivenScores(self._home, self._kept_ms)
            self._key = make_key(self._home)
        given = self._given
        work = [_Work(each, self._digests(each)) for each in asked]
        event_log_place = self._appender.place("events") if asked else (0, 0)
        finished = self._finished
        now = _now()
        with given.change():
            given.finish(finished)
            known = given.find([digest for each in work for digest in each.digests.values()])
            ready, open_ = self._parted(work, known)
            for each in ready:
                self._claim(each, known, event_log_place, now)
            claims = {digest: claim for each in ready for digest, claim in each.claims.items()}
            given.claim(claims, now)
        del finished[:]
        if ready:
            self._carry_out(ready, claims, event_log_place[0])
        if open_:
            self._settle(open_, known, now)

    def _carry_out(
        self, ready: Sequence[_Work], claims: dict[bytes, Given], partition: int
    ) -> None:
        """Append the rows of all, and answer."""
        assert self._given is not None
        records = [record for each in ready for record in each.records]
        try:
            warned = list(map(self._warned, ready))
            if records:
                self._appender.append("events", records, partition)
        except LogUnavailableError:
            raise  # perhaps they are there: whoever sends them again has the log looked at
        except BaseException:
            with suppress(LogUnavailableError), self._given.change():
                self._given.drop(claims)
            raise
        self._finished += claims
        for each, warnings in zip(ready, warned, strict=True):
            outcome = Outcome(each.first, sum(r.rows for r in each.records), warnings)
            each.asked.done.set_result(outcome)

    def _warned(self, work: _Work) -> Warnings:
        """What the sender should know of a request's records."""
        if not work.records:
            return []
        return self._appender.warned(partial(work.asked.warn, work.records))

    def _digests(self, asked: Asked) -> dict[int, bytes]:
        ids = asked.rows.ids
        return {at: digest_of(self._topic, ids[at]) for at in asked.scores}

    def _parted(
        self, work: Sequence[_Work], known: dict[bytes, Given]
    ) -> tuple[list[_Work], list[_Work]]:
        """Requests that can be answered now; and those with ids that somebody has claimed."""
        ready, open_ = list[_Work](), list[_Work]()
        for each in work:
            digests = each.digests.values()
            waits = any(digest in known and not known[digest].done for digest in digests)
            (open_ if waits else ready).append(each)
        return ready, open_

    def _claim(
        self, work: _Work, known: dict[bytes, Given], place: tuple[int, int], now: int
    ) -> None:
        """Take what earlier requests were given, and claim the rest of the rows."""
        asked, new = work.asked, list[int]()
        taken = dict[bytes, int]()
        for at, digest in work.digests.items():
            if digest in known:
                work.first[at] = known[digest]
            elif digest not in taken:
                taken[digest] = at
                new.append(at)
        at, token = 0, secrets.token_hex(8)
        for number, each in enumerate(asked.rows.records(new, now) if new else ()):
            answer = asked.answer._replace(claim=f"{token}.{number}")
            rows = new[at : at + each.rows]
            scores = [asked.scores[row] for row in rows]
            at += each.rows
            for row, score in zip(rows, scores, strict=True):
                work.claims[work.digests[row]] = Given.of(score, answer, place, self._owner)
            record = signed(each.record, self._topic, answer, scores, self._key)
            work.records.append(each._replace(record=record))
        # Later rows of the same id, here and in the requests that come with this one.
        known |= work.claims
        for row, digest in work.digests.items():
            if row not in work.first and taken.get(digest) != row:
                work.first[row] = known[digest]

    def _settle(self, open_: Sequence[_Work], known: dict[bytes, Given], now: int) -> None:
        """See what became of ids whose claim is open, and let the requests take another turn."""
        assert self._given is not None
        lost = {
            digest: claim
            for each in open_
            for digest in each.digests.values()
            if (claim := known.get(digest)) is not None
            and not claim.done
            # Its own were not answered: the append failed.
            and (claim.owner == self._owner or is_gone(claim.owner, claim.time, now))
        }
        if lost:
            after: dict[int, int] = {}
            for claim in lost.values():
                after[claim.partition] = min(claim.after, after.get(claim.partition, claim.after))
            wanted = {claim.claim for claim in lost.values()}
            there = self._appender.find(after, wanted, self._key)
            with self._given.change():
                self._given.finish(id_ for id_, claim in lost.items() if claim.claim in there)
                self._given.drop({i: c for i, c in lost.items() if c.claim not in there})
        for each in open_:
            if time.monotonic() < each.asked.until:
                self._blocked.append(each.asked)
            else:
                _fail([each.asked], LogUnavailableError(STILL))


def _fail(asked: Sequence[Asked], error: Exception) -> None:
    for each in asked:
        if not each.done.done():
            each.done.set_exception(error)


def _now() -> int:
    return int(time.time() * 1000)
