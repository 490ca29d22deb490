"""What has a number in an address, versions and rollbacks, and how a rollback is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from learners.registry.errors import RegistryError

LARGEST_NUMBER = 2**31 - 1
# Digits alone: a schema of integers would allow 12.0, which is no address of a version.
NUMBER = {"type": "string", "pattern": "^[1-9][0-9]{0,9}$"}


class Progress(BaseModel, extra="forbid"):
    """How far a replay has come, as the learner last told."""

    rows: int = Field(description="read again, those in quarantine too")
    of: int = Field(description="to read again")
    share: float = Field(ge=0, le=1)
    seconds_left: float | None = Field(description="until it is done; null if nobody knows yet")


class Rollback(BaseModel, extra="forbid"):
    """A rollback of the learner, and what became of it."""

    rollback: int = Field(description="its number")
    version: int = Field(description="what the learner goes back to")
    learner: Literal["resume", "replay"]
    state: Literal["asked", "claimed", "replaying", "done", "failed", "cancelled"]
    progress: Progress | None = Field(description="of a replay that the learner has begun")
    at: datetime
    actor: str
    reason: str
    lineage: int | None = Field(description="the one that the learner began by it")
    made: int | None = Field(description="the version that the learner made of it")
    quarantine: int | None = Field(description="the number of what was put into it with this")
    undoes: int | None = Field(description="the replay that this one takes the place of")
    tip: int | None = Field(
        description="of a replay: the version that the learner had come to before it"
    )
    trouble: str = Field(description="why it failed or was cancelled")
    ended_at: datetime | None


def number_in(text: str, unknown: type[RegistryError], what: str) -> int:
    """The number in a path.

    Args:
        text: a part of the path.
        unknown: the error that there is nothing of this number.
        what: what there might be, in a word: ``version``, ``rollback``.

    Raises:
        RegistryError: it is no number; of the kind given.
    """
    if text.isascii() and text.isdecimal() and 0 < int(text[:20]) <= LARGEST_NUMBER:
        return int(text[:20])
    raise unknown(f"{text[:20]!r} is not a {what} number; GET /{what}s lists them.")
