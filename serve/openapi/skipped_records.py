"""Records to be left out, as bodies of admin routes name them, and how a preview answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from stream.quarantine.asked_ranges import Asked

# Of each kind; a time is one of few spellings, and a topic's name has at most 249 characters.
MOST_RANGES = 200
RangeText = Annotated[str, StringConstraints(min_length=1, max_length=320)]
Moment = Annotated[str, StringConstraints(max_length=64)]
# Topic -> partition -> pairs of a first and a last offset.
Ranges = dict[str, dict[str, list[list[int]]]]


class SkipTime(BaseModel):
    """An interval of record time; at least one end is given."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    of: Literal["events", "labels"] = Field(description="whose time is meant")
    first: Moment | None = Field(
        None,
        alias="from",
        description="the first moment in it: ISO 8601, in UTC without an offset, or how long ago",
        examples=["2013-07-01T00:00Z"],
    )
    end: Moment | None = Field(
        None,
        alias="to",
        description="the first moment after it",
        examples=["2013-07-02T00:00Z", "now"],
    )

    def text(self) -> str:
        """As the command line takes it."""
        return f"{self.of} {self.first or ''}..{self.end or ''}"


class Skipping(BaseModel):
    """Records of the log, by their offsets and by their time."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    skip: list[RangeText] = Field(
        [],
        max_length=MOST_RANGES,
        description="`TOPIC:PARTITION:FIRST-LAST`, both in it",
        examples=[["flights.labels:0:1200-1399"]],
    )
    skip_time: list[SkipTime] = Field([], max_length=MOST_RANGES)

    def asked(self) -> Asked:
        """What is to be left out."""
        return Asked(self.skip, [each.text() for each in self.skip_time])


class Quarantine(BaseModel, extra="forbid"):
    """Records of the log that nobody learns who reads it again."""

    quarantine: int = Field(description="its number")
    skip: list[str] = Field(description="as it was asked for, by offsets")
    skip_time: list[str] = Field(description="as it was asked for, by time")
    ranges: Ranges = Field(description="by topic and partition: the first and the last offset")
    offsets: int = Field(description="how many; not each need have a record")
    corrected: int = Field(description="rows of them that were corrected")
    at: datetime
    actor: str
    reason: str
    active: bool = Field(description="whether it is in force")
    removed_at: datetime | None
    removed_by: str | None
    removed_because: str | None


class Quarantined(Quarantine, extra="forbid"):
    """A quarantine that was asked for."""

    changed: bool = Field(description="false if these records were in quarantine already")


class HeldPartition(BaseModel, extra="forbid"):
    """How much of a partition the records are."""

    topic: str
    partition: int
    ranges: int
    records: int
    rows: int
    refused: int = Field(description="rows that cannot be learned")


class HeldEvents(BaseModel, extra="forbid"):
    """What events the records hold."""

    rows: int
    ids: int
    read: int = Field(description="rows that the learner has read")
    learned: int


class HeldLabels(BaseModel, extra="forbid"):
    """What labels the records hold."""

    rows: int
    read: int


class Previewed(BaseModel, extra="forbid"):
    """What the records hold, and who knows of them; nothing was changed."""

    ranges: Ranges
    offsets: int
    partitions: list[HeldPartition]
    events: HeldEvents
    labels: HeldLabels
    known_to: list[int] = Field(description="versions that have read some of the records")
    newest_clean: int | None = Field(
        description="the newest version that a replay could go back to without them"
    )


class CorrectedRows(BaseModel, extra="forbid"):
    """The corrected rows of what is left out."""

    rows: int = Field(description="how many the replay would learn")
    passed: int = Field(description="how many not, since they are before the version's place")
    newest_before: int | None = Field(
        description="the newest version that is before all of them, if some are passed"
    )
    incomplete: list[int] = Field(
        description="the quarantines of which not all rows of a file may have been sent"
    )


class PreviewedReplay(Previewed, extra="forbid"):
    """What a replay would leave out, with all that is in quarantine; nothing was changed."""

    version: int
    possible: bool
    trouble: str = Field(description="why it is not possible")
    corrected: CorrectedRows
