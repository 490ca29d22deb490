"""The stage clock: how much processor time each stage of learning takes, thread by thread.

What belongs to a stage runs under ``with stage(PLAN):``, once a batch and never once a row. Without
``freshet learn --profile`` that is one shared object that does nothing, and no clock is read. A
stage within another is counted alone, so the stages of a thread add up to its time.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import process_time, thread_time
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

# Of the learner: score and train, by the library's calls alone. Start is what precedes the first
# stage, and other whatever is between them.
START, READ, CONVERT, PLAN, LEARN = "start", "read", "convert", "plan", "learn"
MEASURE, WRITE, SAVE, OTHER = "measure", "write", "save", "other"
STAGES = (START, READ, CONVERT, PLAN, LEARN, MEASURE, WRITE, SAVE, OTHER)

# Whose time it is: the learner's own thread, the other threads of its process, and the reader
# process.
OWN, BACKGROUND, READER = "learner", "background", "reader"

# The argument with which a reader process tells its own.
PROFILE = "profile"

Seconds = Mapping[str, float]


class _ThreadTime:
    """The seconds of one thread by stage, counted up to the last beginning or end of a stage."""

    def __init__(self, since: float, base: str) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._since = since
        self._stages = [base]

    def begin(self, stage: str) -> None:
        self.count()
        self._stages[0] = OTHER
        self._stages.append(stage)

    def end(self) -> None:
        self.count()
        self._stages.pop()

    def count(self) -> None:
        """Add what has passed to the stage that the thread is in."""
        now = thread_time()
        self.seconds[self._stages[-1]] += now - self._since
        self._since = now


class _Stage:
    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name

    def __enter__(self) -> None:
        self._clock.of_thread().begin(self._name)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clock.of_thread().end()


class Clock:
    """The times of one process; made on the thread that learns or reads.

    Attributes:
        reader: the seconds of the reader process as last heard; empty without one.
    """

    def __init__(self) -> None:
        # The clock of a thread begins with it: the start holds the imports of the main thread.
        self._own = _ThreadTime(0.0, START)
        self._others: list[_ThreadTime] = []
        self._local = threading.local()
        self._local.time = self._own
        self.reader: Seconds = {}

    def stage(self, name: str) -> AbstractContextManager[None]:
        """A stage of whatever thread enters it."""
        return _Stage(self, name)

    def of_thread(self) -> _ThreadTime:
        """The times of the running thread."""
        time: _ThreadTime | None = getattr(self._local, "time", None)
        if time is None:
            time = self._local.time = _ThreadTime(thread_time(), OTHER)
            self._others.append(time)
        return time

    def own(self) -> Seconds:
        """The seconds of the thread that made the clock, which has to be the running one."""
        self._own.count()
        return dict(self._own.seconds)

    def background(self) -> Seconds:
        """Those of all other threads of the process; of those without stages as ``other``."""
        seconds = added(*(other.seconds for other in self._others))
        unknown = process_time() - sum(self._own.seconds.values()) - sum(seconds.values())
        return added(seconds, {OTHER: max(0.0, unknown)})

    def process(self) -> Seconds:
        """Those of the whole process."""
        return added(self.own(), self.background())

    def report(self, rows: int) -> dict[str, Any]:
        """Everything that ``freshet learn --json --profile`` tells, by whose time it is.

        Args:
            rows: how many events the times are of.
        """
        own = self.own()
        told = {OWN: own, BACKGROUND: self.background(), READER: self.reader}
        began = sum(own.values()) - own.get(START, 0.0)
        return {
            "rows": rows,
            "learn_share": round(own.get(LEARN, 0.0) / began, 3) if began else None,
            "seconds": {whose: _in_order(seconds) for whose, seconds in told.items() if seconds},
        }


def added(*threads: Seconds) -> Seconds:
    """The seconds of several threads together."""
    found: defaultdict[str, float] = defaultdict(float)
    for seconds in threads:
        for name, each in seconds.items():
            found[name] += each
    return dict(found)


def _in_order(seconds: Seconds) -> dict[str, float]:
    return {stage: round(seconds[stage], 4) for stage in STAGES if seconds.get(stage)}


_NOTHING = nullcontext()
_clock: Clock | None = None


def stage(name: str) -> AbstractContextManager[None]:
    """A stage of the running thread, which ends with the ``with``."""
    return _NOTHING if _clock is None else _clock.stage(name)


Given = ParamSpec("Given")
Result = TypeVar("Result")


class StageThread(ThreadPoolExecutor):
    """A thread that does one thing after the other, all of it in a stage.

    Args:
        name: of the thread.
        stage: the stage's.
    """

    def __init__(self, name: str, stage: str) -> None:
        super().__init__(1, name)
        self._stage = stage

    def submit(
        self, act: Callable[Given, Result], /, *given: Given.args, **named: Given.kwargs
    ) -> Future[Result]:
        """Begin once all before has ended."""

        def staged() -> Result:
            with stage(self._stage):
                return act(*given, **named)

        return super().submit(staged)


def clock() -> Clock | None:
    """The clock that runs in this process, if one does."""
    return _clock


@contextmanager
def profiled(*, wanted: bool) -> Iterator[Clock | None]:
    """Let a clock run meanwhile, if that is wanted."""
    global _clock  # noqa: PLW0603  # of the process, like its threads
    before, _clock = _clock, Clock() if wanted else None
    try:
        yield _clock
    finally:
        _clock = before


def table(profile: Mapping[str, Any]) -> list[str]:
    """What :meth:`Clock.report` gives as lines of text: microseconds a row, and seconds.

    Of a run without events, seconds alone.
    """
    seconds: Mapping[str, Seconds] = profile["seconds"]
    rows = profile["rows"]
    title = "us a row (s)" if rows else "s"
    lines = [f"{title:12}" + "".join(f"{whose:>18}" for whose in seconds)]
    totals = {whose: sum(of.values()) for whose, of in seconds.items()}
    for name in (*STAGES, "total"):
        found = [
            of.get(name, 0.0) if name in STAGES else totals[whose] for whose, of in seconds.items()
        ]
        cells = [
            f"{1e6 * each / rows:.2f} ({each:.2f})" if rows else f"{each:.2f}" for each in found
        ]
        lines.append(f"{name:12}" + "".join(f"{cell:>18}" for cell in cells))
    share = profile["learn_share"]
    if share is not None:
        lines.append(f"Share of learn in the learner's thread, start left out: {share:.2f}")
    return lines
