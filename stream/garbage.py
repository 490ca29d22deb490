"""Python's cycle collector, kept out of the hot loop, and memory given back to the system.

The fold makes millions of small objects that reference counts free; looking through them for
cycles took a fifth of the learner's time. While a learner runs, the collector looks at what is new
once a second, and at the rest when a checkpoint is made. A checkpoint takes and frees some
megabytes at a time; the C library keeps them in pieces, and a learner would grow by a tenth over
some millions of events although it holds no more than before.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def collected_by_hand() -> Iterator[None]:
    """No automatic collection within the ``with``."""
    gc.freeze()  # what is there now stays: modules, schema, the loaded state
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def collect_new() -> None:
    """Look at what was made since the last look."""
    gc.collect(0)


def collect_recent() -> None:
    """Look once more at what has survived, then let it rest."""
    gc.collect(1)
    gc.freeze()
    _give_back()()


@cache
def _give_back() -> Callable[[], object]:
    """The C library's way to give free memory back to the system; nothing where it has none."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's, and not musl's
        if trim is not None:
            return lambda: trim(0)
    return lambda: None
