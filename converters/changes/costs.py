"""What changing a key of the config costs a model that has learned: the one table.

``docs/configuration.md`` prints it beside each key, ``freshet config diff`` and the learner's
refusals name it. A key stands for all below it that have no line of their own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple


class Cost(StrEnum):
    """What a change costs; the later, the more."""

    NOTHING = "nothing"
    EVALUATION = "a new evaluation"
    LINEAGE = "a new lineage"
    MODEL = "another model"


# What is started again.
Process = Literal["learner", "server"]


class Consequence(NamedTuple):
    """What follows from changing a key.

    Attributes:
        cost: what it costs.
        effect: when it takes effect, what begins anew, or how to keep the model all the same.
        restart: the processes that take it up when they are started again.
    """

    cost: Cost
    effect: str
    restart: tuple[Process, ...] = ()


LEARNER = "from the learner's next start"
SERVER = "from the server's next start"
BOTH = "from the next start of learner and server"
FILES = "at once, for files"
# Which processes the words above are about.
_STARTS: tuple[tuple[str, tuple[Process, ...]], ...] = (
    (LEARNER, ("learner",)),
    (SERVER, ("server",)),
    (BOTH, ("learner", "server")),
)


def _nothing(effect: str) -> Consequence:
    return _consequence(Cost.NOTHING, effect)


def _evaluation(effect: str) -> Consequence:
    return _consequence(Cost.EVALUATION, effect)


def _model(effect: str) -> Consequence:
    return Consequence(Cost.MODEL, effect, ("learner", "server"))


def _consequence(cost: Cost, effect: str) -> Consequence:
    return Consequence(cost, effect, sum((who for what, who in _STARTS if what in effect), ()))


REBUILT = Consequence(Cost.LINEAGE, "the model is rebuilt from the log", ("learner",))
# The same spellings of a class in another order.
NAMES_ONLY = _nothing(f"only how answers name the class, {SERVER}")
DECISIONS = _evaluation(
    f"counts of decisions begin anew, {LEARNER}; labels in answers follow it {SERVER}"
)
WINDOW = _evaluation(f"the window reaches back as far as examples were kept, {LEARNER}")
ANOTHER_TOPIC = _model("keep the topic: positions in another one would mean nothing")
OUTPUTS = _nothing(f"{LEARNER}; what was written before stays in the old topic")

# By key; `columns.fold` is that of every column, `shadow.args` that of every shadow.
COSTS = {
    "model": _model("keep the name: under another one a model begins with nothing"),
    "home": _model("unless everything is stopped and the folder moved first"),
    "log": _model(
        "unless it is the same log: its file, moved first, or another address of its brokers"
    ),
    "registry": _model("unless everything is stopped and the database moved first"),
    "snapshots": _model("unless everything is stopped and the folder moved first"),
    "columns": REBUILT,
    "columns.fold": _nothing(FILES),
    "label": REBUILT,
    "csv.delimiter": REBUILT,
    "csv.encoding": _nothing(FILES),
    "learner": REBUILT,
    "learner.pairs_most": Consequence(
        Cost.NOTHING, "only bounds how many features `pairs` may cross"
    ),
    "late_labels": REBUILT,
    "late_labels.memory": _nothing(LEARNER),
    "duplicates": REBUILT,
    "learn": _nothing(LEARNER),
    "checkpoint": _nothing(LEARNER),
    "gate": _nothing(LEARNER),
    "evaluation.window": WINDOW,
    "evaluation.window_seconds": WINDOW,
    "evaluation.half_life": _evaluation(
        f"exponentially weighted metrics go on with the other half-life, {LEARNER}"
    ),
    "evaluation.period": _evaluation(f"curves over time begin anew, {LEARNER}"),
    "evaluation.slices": _evaluation(f"slices that are new begin, {LEARNER}; others go on"),
    "evaluation.slice_values": _nothing(
        f"{LEARNER}, for slices that begin then; others keep their number"
    ),
    "evaluation.static_after": _evaluation(
        f"a frozen copy not taken yet is taken then, {LEARNER}; one already taken is kept"
    ),
    "evaluation.confidence": _nothing(f"at once in reports; on the page {SERVER}"),
    "value": DECISIONS,
    "imbalance": REBUILT,
    "calibration": REBUILT,
    "explain.feature_names": _nothing(f"{LEARNER}, for features met from then on"),
    "explain.kept_rows": _nothing(f"{LEARNER}; snapshots made before stay as they are"),
    "shadow": _evaluation(f"the shadow begins anew, untrained, {LEARNER}; others go on"),
    "topics.events": ANOTHER_TOPIC,
    "topics.labels": ANOTHER_TOPIC,
    "topics.journal": ANOTHER_TOPIC,
    "topics.scores": OUTPUTS,
    "topics.dead_letters": OUTPUTS,
    "topics.replays": _nothing(
        "at once; rows corrected before are not known in the new topic and would be sent again"
    ),
    "topics.corrections": _nothing(
        f"{LEARNER}; one that has taken corrected rows of records in quarantine cannot go on "
        "without the topic that it took them from"
    ),
    "topics.scores_format": _nothing(f"{LEARNER}, for the scores written from then on"),
    "topics.partitions": _nothing(
        f"{LEARNER}: partitions are added where the topics have fewer, and never taken away"
    ),
    "topics.replication_factor": _nothing("for topics that are created from then on"),
    "topics.accept_retention": _nothing(f"{LEARNER}; in `produce` at once"),
    "record": REBUILT,
    "explain": _nothing(f"{SERVER}; on the command line at once"),
    "kafka": _nothing(BOTH),
    "serve": _nothing(SERVER),
    "serve.threshold": DECISIONS,
}


def consequence(key: str) -> Consequence:
    """What follows from changing a key, ``late_labels.wait`` or ``columns.fold``.

    Raises:
        KeyError: neither it nor a section that it is in has a line in the table.
    """
    parts = key.split(".")
    while parts:
        if found := COSTS.get(".".join(parts)):
            return found
        parts.pop()
    raise KeyError(f"{key} has no line in converters/changes/costs.py")
