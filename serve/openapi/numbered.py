"""What has a number in an address, versions and rollbacks, and how a rollback is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

LARGEST_NUMBER = 2**31 - 1
# Digits alone: a schema of integers would allow 12.0, which is no address of a version.
NUMBER = {"type": "string", "pattern": "^[1-9][0-9]{0,9}$"}


class Rollback(BaseModel, extra="forbid"):
    """A rollback of the learner, and what became of it."""

    rollback: int = Field(description="its number")
    version: int = Field(description="what the learner goes back to")
    learner: Literal["resume"]
    state: Literal["asked", "claimed", "done", "failed", "cancelled"]
    at: datetime
    actor: str
    reason: str
    lineage: int | None = Field(description="the one that the learner began by it")
    made: int | None = Field(description="the version that the learner made of it")
    trouble: str = Field(description="why it failed or was cancelled")
    ended_at: datetime | None


def number_in(text: str) -> int | None:
    """The number that a part of a path is; None if it is none."""
    if text.isascii() and text.isdecimal() and 0 < int(text[:20]) <= LARGEST_NUMBER:
        return int(text[:20])
    return None
