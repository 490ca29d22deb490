"""The sections of ``freshet.toml`` about learning: late labels, checkpoints, learners, measures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from converters.config.column_settings import Section

# What crosses every feature with every other one.
PAIRS: Literal["pairs"] = "pairs"
# How pydantic calls the two ways to say interactions; no part of a key.
BY_WORD, BY_NAMES = "(a word)", "(names)"


def _way(value: object) -> str:
    return BY_WORD if isinstance(value, str) else BY_NAMES


Interactions = Annotated[
    Annotated[Literal["pairs"], Tag(BY_WORD)]
    | Annotated[tuple[tuple[str, str], ...], Tag(BY_NAMES)],
    Discriminator(_way),
]


class LateLabelSettings(Section):
    """Events that wait for their label."""

    wait: float = Field(604_800.0, gt=0, description="seconds of stream time an event waits")
    expired: Literal["drop", "negative"] = Field(
        "drop", description="what an event becomes when its label has not come"
    )
    max_waiting: int = Field(
        5_000_000, ge=1, description="most waiting events; the oldest is evicted first"
    )
    label_wait: float | None = Field(
        None,
        gt=0,
        description="seconds of stream time a label waits for its event (default, `wait`)",
    )
    max_labels: int = Field(
        1_000_000,
        ge=1,
        description="most labels waiting for their event, and no more than `max_waiting`; the "
        "oldest is evicted first",
    )
    allow_corrections: bool = Field(
        False,
        description="a second, differing label that comes within `wait` of the first is learned "
        "too and measured in its place; otherwise it is a dead letter",
    )
    memory: int = Field(
        1024,
        ge=1,
        description="MiB of waiting events' features held as they are; the excess is "
        "compressed. Changes nothing that is learned",
    )

    @property
    def label_bound(self) -> int:
        """How many labels wait at most; ``max_waiting`` alone bounded them in the first models."""
        return min(self.max_labels, self.max_waiting)


class DuplicateSettings(Section):
    """Ids seen before."""

    window: int = Field(200_000, ge=0, description="resolved ids remembered to detect duplicates")


class CheckpointSettings(Section):
    """When the learner's state is saved; never changes what is learned."""

    events: int = Field(20_000, ge=1, description="due after so many learned events")
    seconds: float = Field(5.0, gt=0, description="due after so many seconds with something new")
    min_spacing: float = Field(
        40.0,
        ge=0,
        description="wait this many times the last checkpoint's processor time; 0: do not",
    )
    keep: int = Field(20, ge=1, description="versions kept besides those chosen to be served")


class GateSettings(Section):
    """When the learner publishes its versions by itself."""

    margin: float = Field(
        0.05,
        ge=0,
        description="a version is held back while the learner's log loss over the window exceeds "
        "the base rate's by more than this, in nats; a person may promote it",
    )
    labels: int = Field(
        1_000,
        ge=1,
        description="fewest labelled events in the window by which it is held back; a shorter "
        "window is enough once it is full",
    )


class LearnSettings(Section):
    """The learner process."""

    stall_seconds: float = Field(
        60.0,
        gt=0,
        description="a partition known to hold more may deliver nothing for so long before the "
        "reader is opened again",
    )
    processes: int = Field(
        0,
        ge=0,
        le=2,
        description="1: one process reads and learns; 2: reading and converting have a process of "
        "their own; 0: 2 where two processors can be used. What is learned is the same",
    )


class TopicSettings(Section):
    """Names and shape of the topics; an empty name means `<model>.<what>`."""

    events: str = Field("", description="rows to score and learn")
    labels: str = Field("", description="late labels: `id,label[,time]`")
    scores: str = Field("", description="the score of each row, written once")
    dead_letters: str = Field("", description="refused rows with their reason")
    journal: str = Field("", description="the batches taken, in order")
    replays: str = Field("", description="which refused rows were corrected and sent again")
    corrections: str = Field("", description="corrected rows of records in quarantine")
    scores_format: Literal["csv", "json"] = Field(
        "csv",
        description="form of the scores topic: `csv`, a record for each record of events; `json`, "
        "an object for each row, keyed by its id",
    )
    partitions: int = Field(1, ge=1, le=1000, description="partitions of events and labels")
    replication_factor: int = Field(-1, ge=-1, description="Kafka's; -1 takes the broker's default")
    accept_retention: bool = Field(
        False, description="work with existing topics that delete or restamp records"
    )


class RiverSettings(Section):
    """river's LogisticRegression, used when Vowpal Wabbit cannot be imported or by choice."""

    optimizer: Literal["sgd", "adagrad", "adam"] = Field("sgd", description="river.optim class")
    learning_rate: float = Field(
        0.05,
        gt=0,
        le=10,
        description="step size of the optimizer; shorter where all pairs are crossed, by as much "
        "as a row then has more features",
    )
    l2: float = Field(0.0, ge=0, le=1, description="L2 penalty")
    intercept_learning_rate: float = Field(
        0.01, ge=0, le=10, description="step size of the intercept"
    )


class ForestSettings(Section):
    """A forest of river beside the learner: the kind `river-forest` of a shadow."""

    model: Literal["arf", "amf"] = Field(
        "arf", description="`arf`, adaptive random forest; `amf`, aggregated Mondrian forest"
    )
    trees: int = Field(10, ge=1, le=50, description="trees; time and memory go with their number")
    max_nodes: int = Field(
        500, ge=3, le=10_000, description="most nodes of a tree; then it grows no further"
    )


def _no_forest(value: object) -> object:
    if value == "river-forest":
        raise ValueError(
            "a forest may only be a shadow: it learns a hundredth of the rows a second of Vowpal "
            "Wabbit, and each checkpoint writes it in full. Give it a [[shadow]] section with "
            'kind = "river-forest", and leave the learner "auto"'
        )
    return value


class LearnerSettings(Section):
    """The learner and its arguments; a change makes a new lineage."""

    kind: Annotated[Literal["auto", "vw", "river"], BeforeValidator(_no_forest)] = Field(
        "auto", description="`auto` is vw, or river (with a warning) where vw cannot be imported"
    )
    args: str = Field("", description="supported Vowpal Wabbit arguments, as one string")
    interactions: Interactions = Field(
        (),
        description="pairs whose values are crossed, each a feature column, a part of a time "
        '(`applied.hour`) or a `namespace` of columns; or `"pairs"`: every two features, but '
        "for those of kind `text`",
        examples=["pairs", [["amount", "grade"]]],
    )
    pairs_most: int = Field(
        24, ge=2, le=52, description='most features that `interactions = "pairs"` crosses'
    )
    river: RiverSettings = Field(RiverSettings(), description="river's arguments")


DAY = 86_400.0
CENTURY = 36_525 * DAY
# Sums of so much, times any amount, are finite.
MOST_VALUE = 1e12

# Names that reports use beside those of learners.
RESERVED = (
    *("score", "raw", "base_rate", "static", "pinned", "served", "learner"),
    *("window", "recent", "faded", "value", "decisions"),
    *("contenders", "count", "positives", "code", "lessons", "all"),
    *("start", "end", "from", "to", "from_ms", "to_ms"),
)


def _moment(value: str) -> str:
    """A time as ISO 8601, checked here so that the error names the key."""
    wrong = f"{value!r} is not a time; write it as ISO 8601, 2013-02-01"
    if value.isdigit() and len(value) != len("20130201"):  # some with a digit for the T would pass
        raise ValueError(wrong)
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(wrong) from None
    return value


def _free(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"'{name}' already has a meaning in reports; choose another name")
    return name


MomentText = Annotated[str, AfterValidator(_moment)]
ShadowName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="its name in reports"),
    AfterValidator(_free),
]


class EvaluationSettings(Section):
    """Progressive validation; never changes what is learned."""

    window: int = Field(
        10_000, ge=10, le=10_000_000, description="labelled events in the windowed metrics"
    )
    window_seconds: float = Field(
        DAY,
        gt=0,
        le=CENTURY,
        description="event time, up to the newest label's event, in the event-time window",
    )
    half_life: float = Field(
        10_000.0,
        ge=1,
        description="half-life, in labelled events, of the exponentially weighted metrics",
    )
    period: float = Field(
        DAY, ge=1, le=CENTURY, description="seconds of event time for each point of the curves"
    )
    slices: tuple[str, ...] | None = Field(
        None,
        description="columns whose values are measured each by itself: categorical, boolean or "
        "`protected` ones; left out, all `protected` ones",
        examples=[["purpose", "grade"]],
    )
    slice_values: int = Field(
        50, ge=1, le=1000, description="values of a slice, the first to arrive; others are one"
    )
    static_after: MomentText | None = Field(
        None, description="ISO time of the stream at which a frozen copy is taken to compare with"
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="of the intervals in comparisons")


class ValueSettings(Section):
    """The value of decisions once the truth is known; to act is to predict an event positive."""

    true_positive: float = Field(
        0.0,
        ge=-MOST_VALUE,
        le=MOST_VALUE,
        description="acted, and it was positive; a cost is negative",
    )
    false_positive: float = Field(
        0.0, ge=-MOST_VALUE, le=MOST_VALUE, description="acted, and it was negative"
    )
    true_negative: float = Field(
        0.0, ge=-MOST_VALUE, le=MOST_VALUE, description="did not act, and it was negative"
    )
    false_negative: float = Field(
        0.0, ge=-MOST_VALUE, le=MOST_VALUE, description="did not act, and it was positive"
    )
    scale: str = Field(
        "", description="numeric column by which each event's values are multiplied; empty is 1"
    )

    @model_validator(mode="after")
    def _acting_pays(self) -> Self:
        if min(self.gains) < 0 or max(self.gains) == 0:
            raise ValueError(
                "acting on a positive event should have a higher value than not acting "
                "(true_positive above false_negative), and not acting on a negative one more than "
                "acting (true_negative above false_positive)"
            )
        return self

    @property
    def gains(self) -> tuple[float, float]:
        """What the right decision gains over the wrong one, for a positive and a negative event."""
        return (
            self.true_positive - self.false_negative,
            self.true_negative - self.false_positive,
        )

    @property
    def break_even(self) -> float:
        """The probability from which acting has a higher value than not acting (Elkan 2001)."""
        positive, negative = self.gains
        return negative / (positive + negative)


class ImbalanceSettings(Section):
    """Classes out of balance; part of what is learned."""

    positive_weight: float = Field(
        1.0, gt=0, le=1000, description="weight of a positive example relative to a negative one"
    )
    negative_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the negative examples that is learned, chosen by their ids; all are "
        "measured",
    )
    correct: bool = Field(
        True, description="undo the effect of both on the score, so that it stays a probability"
    )


class CalibrationSettings(Section):
    """Scores are mapped to what was true of recent scores like them; part of what is learned."""

    method: Literal["none", "platt", "isotonic"] = Field(
        "none", description="`platt` fits two numbers, `isotonic` a rising step function"
    )
    window: int = Field(
        20_000, ge=100, le=1_000_000, description="recent labelled scores that are fitted"
    )
    every: int = Field(1_000, ge=10, description="labelled examples between two fits")


class ShadowSettings(Section):
    """A learner that is scored and trained on the same stream as the one that is served."""

    name: ShadowName
    kind: Literal["vw", "river", "river-forest", "control"] = Field(
        "vw",
        description="vw, river, or one of river's forests, which slow learning much; `control` is "
        "the learner itself with a random column more, to see how much noise matters",
    )
    args: str = Field("", description="supported Vowpal Wabbit arguments, as one string")
    interactions: Interactions | None = Field(
        None,
        description='pairs, or `"pairs"`, of what `learner.interactions` crosses; left out, those',
        examples=[[["amount", "grade"]]],
    )
    river: RiverSettings = Field(RiverSettings(), description="river's arguments")
    forest: ForestSettings = Field(ForestSettings(), description="the forest's arguments")
