"""What the registry says when it cannot do as asked; raised by the modules beside it.

The command line prints these as one paragraph and the HTTP side maps them to statuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from converters.errors import FreshetError


class RegistryError(FreshetError):
    """The registry cannot be read or written, or holds what should not be there."""


class RegistryUnavailableError(RegistryError):
    """The registry does not answer, or its disk is full; trying again may help."""


class SupersededError(RegistryError):
    """Another learner of the model has taken over; nothing was changed."""


class UnknownVersionError(RegistryError):
    """No version has this number."""


class UnservableVersionError(RegistryError):
    """The version exists, but was refused or its files have been thinned out."""


class PostConflictError(RegistryError):
    """An idempotency key was used before, for another request."""


class PostInProgressError(RegistryError):
    """The first request with this idempotency key has not been answered yet."""


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as text, runs drawn together: ``1-3, 7``; ``none`` when there are none."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    ]
    texts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return ", ".join(texts) or "none"
