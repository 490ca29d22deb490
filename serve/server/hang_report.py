"""Says where a process hangs whose event loop does not turn, and bounds the process's shutdown.

The clock is a thread of C in :mod:`faulthandler`, which needs neither the event loop nor Python's
lock. It writes to standard error where every thread stands. Who ends a hung process and starts it
again is another's business: :mod:`serve.processes.liveness`.
"""

from __future__ import annotations

import asyncio
import faulthandler
import signal
import sys
from types import FrameType

TURN_SECONDS = 1.0
# Before the process may be ended for it.
HUNG_SECONDS = 8.0
# What uvicorn's shutdown has to do beside waiting for requests.
SHUTDOWN_SECONDS = 5.0


def watch(grace: float) -> None:
    """Watch the running event loop, whose signal handlers are set.

    Args:
        grace: seconds that running requests have after SIGTERM; a process whose shutdown takes
            longer, because a thread does not end, exits with status 1.
    """
    loop = asyncio.get_running_loop()
    ending = False

    def turned() -> None:
        if not ending:
            _arm(HUNG_SECONDS, ends=False)
            loop.call_later(TURN_SECONDS, turned)

    def bounded(number: int, frame: FrameType | None) -> None:
        nonlocal ending
        if not ending:
            ending = True
            _arm(grace + SHUTDOWN_SECONDS, ends=True)
        before = handlers[number]
        if callable(before):
            before(number, frame)

    kinds = (signal.SIGTERM, signal.SIGINT)
    handlers = {int(kind): signal.signal(kind, bounded) for kind in kinds}
    turned()


def _arm(seconds: float, *, ends: bool) -> None:
    faulthandler.dump_traceback_later(seconds, exit=ends, file=sys.__stderr__ or 2)
