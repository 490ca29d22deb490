"""The reader process: it only reads the log and converts.

Run as ``python -m stream.reading.reader_main KIND`` (of log). It takes one assignment from standard
input and writes batches to standard output. Journal, transactions and checkpoints are the
learner's; nothing is lost if this process fails. With the argument ``profile`` behind the kind it
tells after each batch what its stages have taken.

Nothing writes to standard input after the assignment, so its end means that the learner has
ended in some way. Ctrl-C and SIGTERM are handled by the learner and ignored here.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections import deque
from importlib import import_module
from queue import SimpleQueue
from threading import Condition, Thread
from traceback import format_exc
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.reading.assignment import Assignment

# How often garbage is collected, since automatic collection is off during conversion.
COLLECT_SECONDS = 1.0

# How many messages wait to be written, and up to which size in all, beside the one that is in the
# pipe and the one being made. A learner that takes from the pipe wakes the reader, and where the
# other processor is taken, on its own; so that is for several batches at a time. More would only be
# small ones of a learner that is behind, which it had better get as a large one.
AHEAD, AHEAD_BYTES = 16, 12 * 2**20

# Of the length that precedes a message; see :data:`stream.reading.batch_messages.LENGTH`.
LENGTH_BYTES = 8

ANOTHER_IS_STARTED = "Nothing is lost: the learner starts another."


def main() -> None:
    """Read what is assigned, until its end or the learner's."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    lines: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(lines,), name="learner's end", daemon=True).start()
    outbox = _Outbox(_own_output())
    gc.disable()  # nothing that is imported is garbage; later it is collected by hand
    atexit.register(gc.freeze)  # nor is it looked for at the end
    import_for(sys.argv[1])
    _work(lines.get(), outbox)
    outbox.close()


def import_for(kind: str) -> None:
    """Import what reads a log of this kind, while the learner finds its starting position."""
    for module in ("stream.reading.batch_source", f"stream.log_{kind}.log"):
        import_module(module)


def _listen(lines: SimpleQueue[bytes]) -> None:
    """Pass on the assignment, and end this process when the learner ends."""
    with os.fdopen(0, "rb", closefd=False) as standard_input:
        lines.put(standard_input.readline())
        while standard_input.read(1024):
            pass
    os._exit(0)


def _own_output() -> BinaryIO:
    """The pipe, taken from standard output: anything printed goes to standard error."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(pipe, "wb", buffering=0)


class _Outbox:
    """Writes messages on a thread of its own: while one waits for the learner the next is made.

    Args:
        pipe: to the learner.
    """

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._messages: deque[tuple[int, Sequence[bytes]]] = deque()
        self._bytes = 0
        self._changed = Condition()
        self._thread = Thread(target=self._write, name="outbox", daemon=True)
        self._thread.start()

    def put(self, message: Sequence[bytes]) -> None:
        """Write its parts after the others; waits while as many are waiting as may be."""
        size = sum(map(len, message))
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._messages) < AHEAD and self._bytes < AHEAD_BYTES
            )
            self._messages.append((size, message))
            self._bytes += size
            self._changed.notify_all()

    def _next(self) -> tuple[int, Sequence[bytes]]:
        with self._changed:
            self._changed.wait_for(lambda: self._messages)
            size, message = self._messages.popleft()
            self._bytes -= size
            if len(self._messages) <= AHEAD // 2 and self._bytes <= AHEAD_BYTES // 2:
                self._changed.notify_all()
            return size, message

    def close(self) -> None:
        """Write all that is left."""
        self.put(())
        self._thread.join()

    def _write(self) -> None:
        try:
            while (following := self._next())[1]:
                size, message = following
                # Part by part: joined they would be a megabyte copied.
                for part in (size.to_bytes(LENGTH_BYTES, "big"), *message):
                    left = memoryview(part)
                    while left:
                        left = left[self._pipe.write(left) :]
        except OSError:
            # Mostly the learner has ended, and standard input just has not shown it yet. Whatever
            # it is, nobody would take more messages: without an end the other thread waits forever.
            os._exit(0)


def _work(line: bytes, outbox: _Outbox) -> None:
    """Send the batches of an assignment, or why there are no more."""
    from stream import stages
    from stream.logging import configure_logs
    from stream.reading import batch_messages
    from stream.reading.assignment import from_json

    configure_logs()
    try:
        with stages.profiled(wanted=stages.PROFILE in sys.argv[2:]):
            _send_batches(from_json(line), outbox)
        outbox.put(batch_messages.of_kind(batch_messages.END))
    except Exception as error:  # the learner reports it
        outbox.put(batch_messages.of_error(error, format_exc()))


def _send_batches(assignment: Assignment, outbox: _Outbox) -> None:
    from contextlib import closing
    from time import monotonic, process_time

    from stream import process_control, stages
    from stream.open_log import opened
    from stream.reading import batch_messages
    from stream.reading.batch_source import local_batches

    collected_at = monotonic()
    with (
        process_control.collected_by_hand(),
        closing(opened(assignment.context.settings, create=False)) as event_log,
        local_batches(event_log, assignment, ANOTHER_IS_STARTED) as batches,
    ):
        outbox.put(batch_messages.of_kind(batch_messages.OPENED))
        for batch in batches:
            with stages.stage(stages.WRITE):
                message = batch_messages.of_batch(batch, process_time())
            outbox.put(message)
            if (clock := stages.clock()) is not None:
                outbox.put(batch_messages.of_stages(clock.process()))
            if monotonic() - collected_at > COLLECT_SECONDS:
                process_control.collect_new()
                collected_at = monotonic()


if __name__ == "__main__":
    main()
