"""How fast this processor is now, for bounds of time that also hold on a slow or shared one.

What is bounded is work of Python with its libraries in C: reading JSON, cutting texts, counting in
dictionaries. The measure does the same kinds of it, and is taken next to what it is compared with.
"""

from __future__ import annotations

import gc
from time import thread_time

import orjson

# What the measure takes on the processor for which bounds are written.
USUAL_SECONDS = 0.006
ROWS = 4_000


def slowness() -> float:
    """How many times as long as usual this processor takes; 1 if it is as fast, or faster.

    The quicker of two, in processor time: what else runs may only have cut into one of them.
    """
    return max(1.0, min(_seconds(), _seconds()) / USUAL_SECONDS)


def _seconds() -> float:
    collects = gc.isenabled()
    gc.disable()  # what the tests before left behind is not to be looked through here
    try:
        began = thread_time()
        rows = orjson.loads(orjson.dumps([{"carrier": str(n), "at": n} for n in range(ROWS)]))
        counts: dict[str, int] = {}
        for row in rows:
            for piece in f"{row['carrier']},{row['at']:x}".split(","):
                counts[piece[-2:]] = counts.get(piece[-2:], 0) + 1
        return thread_time() - began
    finally:
        if collects:
            gc.enable()
