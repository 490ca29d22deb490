"""The learner's end of a reader process: starts it, receives its batches, ends it.

Batches and errors are those of a reader in this process. The pipe blocks a reader that is
ahead by a batch or two.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from subprocess import PIPE, Popen, TimeoutExpired
from time import monotonic, process_time

from converters.logger import log
from stream.log.batch import Batch
from stream.log.contract import LogUnavailableError
from stream.process_control import Death
from stream.reading import assignment as assigned
from stream.reading import batch_messages
from stream.reading.assignment import Assignment
from stream.reading.batch_messages import END, LENGTH, STAGES, Message
from stream.reading.conversion import IDLE_SECONDS
from stream.reading.merge import BATCH_ROWS
from stream.reading.watchdog import LONGEST_CALL_SECONDS
from stream.stages import PROFILE, READ, clock, stage

# The extra time for a reader to give up, or for its watchdog to end it.
SILENT_SECONDS = LONGEST_CALL_SECONDS + 30.0
# How long a process that has closed its pipe, or was killed, may take to exit.
GONE_SECONDS = 5.0

# A batch, nearly: through Linux's 64 KiB reader and learner would hand each one over in turns.
PIPE_BYTES = 2**20

RESTARTED = "Nothing is lost: another one is started and resumes from the last checkpoint."


# How long all batches have to be full before it is judged what two processes gain.
JUDGED_SECONDS = 30.0
# With no more processors than this for both, one process takes as long: it has an eighth less work.
WORTH_PROCESSORS = 1.1


class ReaderLostError(LogUnavailableError):
    """The reader process has ended or does not respond; another one may succeed."""


class Gain:
    """Notices that two processes gain nothing, since together they get little more than one would.

    Others may take the processors, or the log may be slow. Only a backlog tells: without one, both
    have nothing to do for most of the time.

    Attributes:
        trouble: what to say of it; empty where they gain, or it is not known yet.
    """

    def __init__(self) -> None:
        self.trouble = ""
        self._logged = False
        # Clock and processor time at the beginning of what is judged next.
        self._since: tuple[float, float] | None = None

    def begin(self) -> None:
        """Another reader process starts, of whose time nothing is known yet."""
        self._since = None

    def saw(self, rows: int, seconds: float) -> None:
        """A batch of so many rows came; one that is not full ends a backlog, and the trouble.

        Args:
            rows: of events and labels.
            seconds: the processor time that the reader has taken so far.
        """
        now = monotonic(), process_time() + seconds
        if rows < BATCH_ROWS:
            self.trouble, self._since = "", None
        elif self._since is None:
            self._since = now
        elif (passed := now[0] - self._since[0]) >= JUDGED_SECONDS:
            self._judge((now[1] - self._since[1]) / passed)
            self._since = now

    def _judge(self, processors: float) -> None:
        if processors >= WORTH_PROCESSORS:
            self.trouble = ""
            return
        self.trouble = (
            f"Learner and reader process had {processors:.2f} processors in all while a backlog "
            "was read, so that the second process gains nothing: others take the processors, or "
            "the log is slow."
        )
        if not self._logged:
            self._logged = True
            advice = "set learn.processes = 1 if that stays so"
            log.warning("the reader process gains nothing", detail=self.trouble, advice=advice)


class RemoteReader:
    """A reader process; used by one thread, for one assignment.

    Args:
        log: the URL of the log that it will read.
        gain: what notices whether it gains anything.

    Raises:
        ReaderLostError: it cannot be started.
    """

    def __init__(self, log: str, gain: Gain) -> None:
        self._gain = gain
        gain.begin()
        arguments = [log.partition(":")[0], *[PROFILE] * (clock() is not None)]
        self._started_at = monotonic()
        try:
            # In a new session, so that Ctrl-C reaches only the learner; with none of the
            # learner's files, so that it holds neither its lock nor its connections.
            self._process = Popen(  # noqa: S603  # our own command
                (sys.executable, "-P", "-m", "stream.reading.reader_main", *arguments),
                stdin=PIPE,
                stdout=PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ReaderLostError(
                f"The reader process cannot be started: {error.strerror or error}. Free some "
                "memory or processes, or use a single process with `learn.processes = 1`."
            ) from error
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        with suppress(OSError, AttributeError):  # less may be allowed, or it is not Linux
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._inbox = _Inbox(pipe)
        self._silent_looks = 0
        self._most_looks = 0

    def open(self, assignment: Assignment) -> None:
        """Send the assignment; returns when the log is open at its positions.

        Raises:
            LogError: it cannot.
        """
        settings = assignment.context.settings
        silent_seconds = settings.learn.stall_seconds + settings.kafka.longer_calls + SILENT_SECONDS
        self._most_looks = round(silent_seconds / IDLE_SECONDS)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(assigned.to_json(assignment))
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._lost() from None
        while self._message() is None:
            pass

    def __iter__(self) -> Iterator[Batch]:
        """The batches; an empty one whenever nothing came for a while.

        Raises:
            LogError: as a reader in this process does.
            ReaderLostError: the process is gone.
        """
        idle: Batch | None = None
        while True:
            message = self._message()
            if message is None:
                # Before the first batch it is unknown whether the log can be read at all.
                if idle is not None:
                    yield idle
                continue
            if message.kind == END:
                return
            if message.kind == STAGES:
                continue
            batch = message.batch
            assert batch is not None
            self._gain.saw(len(batch.events.ids) + len(batch.labels.ids), message.seconds)
            idle = Batch([], batch.cut, batch.ends)
            yield batch
            del message, batch  # freed while waiting for the next one

    def close(self) -> None:
        """Kill the process; it has no state to save."""
        self._process.kill()
        with suppress(TimeoutExpired):
            self._process.wait(GONE_SECONDS)
        self._inbox.close()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # an assignment that it did not read any more
                if pipe is not None:
                    pipe.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def _message(self) -> Message | None:
        """The next message; None if none comes for a while."""
        try:
            with stage(READ):
                content = self._inbox.receive(IDLE_SECONDS)
        except EOFError:
            raise self._lost() from None
        if content is None:
            self._silent_looks += 1
            if self._silent_looks > self._most_looks:
                raise self._silent()
            return None
        self._silent_looks = 0
        with stage(READ):
            message = batch_messages.read(content)
        if message.error is not None:
            raise message.error
        if message.stages is not None and (running := clock()) is not None:
            running.reader = message.stages
        return message

    def _lost(self) -> ReaderLostError:
        """The error for a process that has closed its pipe."""
        with suppress(TimeoutExpired):
            self._process.wait(GONE_SECONDS)
        status = self._process.returncode
        seconds = monotonic() - self._started_at
        how = "has closed its pipe." if status is None else str(Death(status, seconds, ""))
        return ReaderLostError(f"The reader process {how} {RESTARTED}")

    def _silent(self) -> ReaderLostError:
        seconds = self._most_looks * IDLE_SECONDS
        return ReaderLostError(
            f"The reader process has not responded for {seconds:.0f} s and is ended. {RESTARTED}"
        )


class _Inbox:
    """Messages from a pipe, each after its length, read into one buffer piece by piece."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = memoryview(bytearray(LENGTH.size))
        # How much of the length and the content of the next message is there.
        self._held = 0
        self._wanted = LENGTH.size
        self._selector = DefaultSelector()
        self._selector.register(descriptor, EVENT_READ)

    def receive(self, timeout: float) -> memoryview | None:
        """The next message, valid until the one after it; None if none comes in ``timeout`` s.

        Raises:
            EOFError: there are no more.
        """
        while self._held < self._wanted:
            if not self._selector.select(timeout):
                return None
            count = os.readv(self._descriptor, [self._buffer[self._held : self._wanted]])
            if not count:
                raise EOFError
            self._held += count
            if self._held == self._wanted == LENGTH.size:
                self._expect(*LENGTH.unpack_from(self._buffer))
        content = self._buffer[LENGTH.size : self._wanted]
        self._held, self._wanted = 0, LENGTH.size
        return content

    def close(self) -> None:
        """Close the selector; the pipe belongs to the process object."""
        self._selector.close()

    def _expect(self, length: int) -> None:
        self._wanted = LENGTH.size + length
        if self._wanted > len(self._buffer):
            self._buffer = memoryview(bytearray(2 * self._wanted))
