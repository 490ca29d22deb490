"""Python's cycle collector, kept out of the hot loop.

The fold makes millions of small objects that reference counts free; looking through them for
cycles took a fifth of the learner's time. While a learner runs, the collector looks at what is new
once a second, and at the rest when a checkpoint is made.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
