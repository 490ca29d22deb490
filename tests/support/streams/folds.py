"""Folds to be cut, stopped and started again, and what they are compared by."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from converters.cells.kind import FIRST_CONVERTER
from converters.cells.refusal import Refusal
from converters.config import load
from converters.config.learning_settings import LateLabelSettings
from converters.schema import schema
from learners.learner import Learner
from learners.registry.row_types import Lineage, Start
from learners.snapshots.store import SnapshotStore
from stream.checkpoints import checkpoint
from stream.fold.pipeline import Pipeline
from stream.joins.joiner import Joiner, key_of
from stream.log.batch import Batch, EventRows, LabelRows, LeftOut, Taken, batch_of
from stream.log.contract import Place
from stream.log.signed_scores import Served
from stream.resolved_config import ResolvedConfig, fixed, resolve
from tests.support.streams.simulation import SECOND, Simulation

Drawn = list[tuple[int, tuple[str, list[Any]]]]
# Some are in quarantine; those know how many rows are before them only in a batch.
Records = Sequence[Taken | LeftOut]
EVENTS, LABELS = Place("m.events", 0), Place("m.labels", 0)
BEGIN = 1_000_000


def begun_by(context: ResolvedConfig, *, kept: bool = True) -> Lineage:
    """A lineage that a config began; ``kept`` is false of one that an older release began."""
    said = fixed(context if kept else context.read_by(FIRST_CONVERTER))
    config = (said.config, said.writers) if kept else ()
    start = Start({}, {}, 0)
    return Lineage(
        1, None, "learn", said.learner, said.schema_hash, start, 1, datetime.now(UTC), *config
    )


# Everything that stands beside a learner at once.
EVERYTHING: dict[str, Any] = {
    "evaluation": {"window": 50, "slice_values": 2, "static_after": "1970-01-01T00:16:50"},
    "value": {"true_positive": 5, "false_positive": -1, "scale": "amount"},
    "imbalance": {"positive_weight": 2, "negative_share": 0.5},
    "calibration": {"method": "platt", "window": 100, "every": 10},
    "shadow": [
        {"name": "small", "args": "-b 12"},
        {"name": "wet", "kind": "river"},
        {"name": "oak", "kind": "river-forest", "forest": {"trees": 2, "max_nodes": 9}},
        {"name": "chance", "kind": "control"},
    ],
}

ids = st.sampled_from(["", "a", "b", "c", "d", "e", "a-long-id-of-over-16-characters"])
texts = st.sampled_from(["| x=1", "| x=2 y:0.5", "|", "| y:3 |a z=1"])
event_rows = st.lists(
    st.tuples(ids, st.sampled_from([None, None, 0, 1]), texts)
    | st.just(Refusal("bad-label", "late", "?")),
    min_size=1,
    max_size=4,
)
label_rows = st.lists(
    st.tuples(ids.filter(bool), st.sampled_from([0, 1])) | st.just(Refusal("missing-id", "id", "")),
    min_size=1,
    max_size=4,
)
left_out_ids = st.lists(ids.filter(bool), min_size=1, max_size=4)
steps = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.one_of(
            st.tuples(st.just("e"), event_rows),
            st.tuples(st.just("l"), label_rows),
            st.tuples(st.sampled_from(["e", "l"]).map("no {}".format), left_out_ids),
        ),
    ),
    max_size=25,
)
# One event or label a record, of two ids, some in quarantine, around the end of a wait.
few = st.sampled_from(["a", "b"])
narrow_steps = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.one_of(
            st.tuples(st.just("e"), st.tuples(few, st.none(), texts).map(lambda row: [row])),
            st.tuples(st.just("l"), st.tuples(few, st.just(1)).map(lambda row: [row])),
            st.tuples(st.just("no e"), few.map(lambda id_: [id_])),
            st.tuples(st.just("no l"), few.map(lambda id_: [id_])),
        ),
    ),
    max_size=12,
)
narrow = st.sampled_from(["drop", "negative", "negative"]).map(
    lambda expired: LateLabelSettings(wait=3.0, expired=expired)
)
policies = st.builds(
    LateLabelSettings,
    wait=st.sampled_from([3.0, 6.0, 100.0]),
    expired=st.sampled_from(["drop", "negative"]),
    max_waiting=st.sampled_from([1, 2, 50]),
    label_wait=st.sampled_from([None, 2.0, 9.0]),
    max_labels=st.sampled_from([1, 3, 1_000_000]),
    allow_corrections=st.booleans(),
)


def records_of(drawn: Drawn) -> list[Taken]:
    """Those of the drawn steps that are not in quarantine, as records."""
    return [record for record in drawn_records(drawn) if not isinstance(record, LeftOut)]


def drawn_records(drawn: Drawn) -> list[Taken | LeftOut]:
    """The drawn steps as records, time going on."""
    records: list[Taken | LeftOut] = []
    now = BEGIN
    for offset, (later, (kind, rows)) in enumerate(drawn):
        now += later * SECOND
        if kind.startswith("no "):  # one of the rows cannot be read
            records.append(LeftOut(0, kind == "no l", now, len(rows) + 1, rows))
        elif kind == "e":
            passthrough: list[tuple[str, ...]] = [
                (("f", "m", "x")[at % 3], str(at)) for at in range(len(rows))
            ]
            served = {at: served_score(offset, at) for at in range(0, len(rows), 2) if offset % 3}
            records.append(EventRows(EVENTS, offset, now, rows, passthrough, 0, served))
        else:
            records.append(LabelRows(LABELS, offset, now, rows))
    return records


def served_score(offset: int, at: int) -> Served:
    """What the caller was given for a row of a record."""
    return Served((offset * 7 + at) % 20 / 20, 1 + offset % 4, offset % 5, 1000 * at + offset)


def batch_with(records: Records) -> Batch:
    """The records as one batch, what is left out in its place."""
    kept: list[Taken] = []
    left_out: list[LeftOut] = []
    for each in records:
        if isinstance(each, LeftOut):
            left_out.append(each._replace(before=len(kept)))
        else:
            kept.append(each)
    return replace(batch_of(kept, {}), left_out=left_out)


def context(late: LateLabelSettings, window: int, **sections: Any) -> ResolvedConfig:
    """A config with these rules."""
    values = {
        "model": "m",
        "columns": {
            "id": {"role": "id"},
            "late": {"role": "label"},
            "sex": {"role": "protected"},
            "amount": {"kind": "numeric"},
        },
        "label": {"positive": ["1"], "negative": ["0"]},
        "learner": {"args": "-b 10"},
        "late_labels": late.model_dump(),
        "duplicates": {"window": window},
        "evaluation": {"window": 50},
        **sections,
    }
    settings = load.from_values(values, Path("freshet.toml"))
    return resolve(settings, schema.from_settings(settings))


def saved_and_loaded(
    fold: Pipeline,
    made_for: ResolvedConfig,
    store: SnapshotStore,
    then: ResolvedConfig | None = None,
) -> Pipeline:
    """The pipeline after a checkpoint and a kill, started with the config ``then``."""
    with checkpoint.saved(
        store, made_for, fold, Start({}, {}, 0), None, learned_something=True
    ) as saved:
        assert saved.verdict.good, saved.verdict
    fold.close()
    with store.open(saved.snapshot) as snapshot:
        return checkpoint.load(then or made_for, snapshot, fold.lineage)


def scores_of(written: Sequence[Any]) -> list[tuple[str, float, int]]:
    """Id, score and lessons behind it, of all that was written."""
    lines = [line.split(",") for out in written for line in out.value.decode().split("\n")]
    return [(id_, float(score), int(lessons)) for _, id_, score, lessons, _ in lines]


def taken(fold: Pipeline, records: Records) -> list[tuple[str, float, int]]:
    """Take the records as one batch; the scores that it gave."""
    return scores_of(fold.take(batch_with(records)).scores)


def model_bytes(learner: Learner, folder: Path) -> str:
    """What the learner knows."""
    learner.save(folder / "model")
    return hashlib.sha256((folder / "model").read_bytes()).hexdigest()


def remembered(joiner: Joiner) -> dict[str, object]:
    """All that the joins hold."""
    found: dict[str, object] = {
        "time": joiner.stream_time,
        "counts": joiner.counts,
        "crowded_out_labels": joiner.crowded_out_labels,
    }
    for name, queue in joiner.queues.items():
        numbers = queue.live(queue.base, queue.end)
        block = queue.columns.get(numbers - queue.base)
        keys, codes, texts = queue.rows(numbers)
        found[name] = (
            keys,
            codes,
            [queue.text(number) for number in numbers.tolist()] if texts else [],
            queue.times(numbers).tolist(),
            repr(block.floats.tolist()),  # as text, in which nan equals nan
            block.integers[1:].tolist(),  # a row's place in its file is no part of it
        )
    return found


def check_counts(fold: Pipeline, slow: Simulation) -> None:
    """The counts are the simulation's, and the two equations hold."""
    counts, joiner = fold.counts, fold.joiner
    labels = joiner.counts
    evicted = {"crowded_out_labels": joiner.crowded_out_labels}
    found = Counter({**asdict(counts), **asdict(labels), **evicted})
    assert +found - Counter(positives=counts.positives) == +slow.counts
    assert counts.positives == sum(label for _, label in slow.measured)
    assert list(joiner.waiting) == [key_of(event.id) for event in slow.waiting]
    assert list(joiner.taught) == [key_of(event.id) for event in slow.taught]
    assert list(joiner.labels) == [key_of(id_) for id_, _, _ in slow.labels]
    resolved = [(key, joiner.resolved.code(key)) for key in joiner.resolved]
    assert resolved == [(key_of(id_), code) for id_, code in slow.resolved]
    assert counts.events == (
        counts.learned + len(joiner.waiting) + counts.expired + counts.scored_only
        + counts.rejected + counts.duplicates + counts.quarantined
    )  # fmt: skip
    assert labels.labels == (
        labels.labels_joined + labels.labels_rejected + labels.labels_duplicates
        + labels.labels_late + labels.labels_expired + labels.labels_corrected
        + labels.labels_quarantined + len(joiner.labels)
    )  # fmt: skip


def stream(count: int) -> list[Taken]:
    """Events whose label comes some records later, one row in five without an id."""
    drawn: list[tuple[int, tuple[str, list[Any]]]] = []
    for n in range(count):
        texts = ["| x=1", "| x=2 y:0.5"]
        drawn.append((1, ("e", [(f"k{n}", None, texts[n % 2]), ("", n % 2, texts[n % 2])])))
        if n >= 3:
            drawn.append((0, ("l", [(f"k{n - 3}", (n * 7) % 3 % 2)])))
    return records_of(drawn)
