"""What a learner has come to, compared with the simulation of its lineages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from learners.registry import Registry
from learners.registry.row_types import Lineage
from stream.checkpoints import checkpoint
from stream.resolved_config import context_of
from tests.replay.walks.lineages_by_rows import Lineages, Scored
from tests.replay.walks.state_by_rows import Learnt, Offset
from tests.support.serving.project import Project
from tests.support.streams.folds import check_counts


def check_alike(
    project: Project,
    plain: Lineages,
    given: dict[tuple[int, int], list[Scored]],
    report: dict[str, Any],
) -> None:
    """Scores, lessons, bytes, counts, joins and measures, once the learner has ended.

    Raises:
        AssertionError: one of them is not the simulation's.
    """
    for batch, scores in plain.scores.items():
        assert given[batch] == scores, ("scores", batch)
    with project.registry() as registry:
        assert registry.rollbacks.under_way() is None, "a rollback that is not done"
        live, point = registry.versions.live_lineage(), registry.versions.resume_point()
        assert live is not None
        assert point is not None
        assert live.serial == plain.serial, "a lineage without a line in the journal"
        assert point.model_sha256 == plain.live.model(), "another model"
        _check_state(project, plain.live, live, point.snapshot)
        _check_versions(registry, plain)
    _check_measures(report, plain.live)


def check_outputs(project: Project, plain: Lineages) -> None:
    """Each score once, as its lineage gave it; and each row that was scored has an output.

    Raises:
        AssertionError: it is not so.
    """
    scores, letters = project.scores(), project.dead_letters()
    refused = {(of.topic, of.partition, of.offset, of.row) for of in letters}
    assert len(refused) == len(letters), "a dead letter twice"
    known = {(of.topic, of.partition, of.offset, of.row): of for of in scores}
    assert len(known) == len(scores), "a score twice"
    records: dict[tuple[int, str, int, int], list[tuple[int, str, float, int]]] = {}
    for score in scores:
        record = score.lineage, score.topic, score.partition, score.offset
        records.setdefault(record, []).append((score.row, score.id, score.score, score.lessons))
    for record, rows in records.items():
        found = [row[1:] for row in sorted(rows)]
        assert found == plain.of_record[record], ("output", record)
    _check_all_output({record[1:] for record in records} | {of[:3] for of in refused}, plain)


def _check_all_output(records: set[Offset], plain: Lineages) -> None:
    """Records of ids that came once, which any lineage has scored, have their outputs."""
    times = Counter(id_ for sent in plain.sent.values() for one in sent for id_ in one.ids)
    for (_, *record), rows in plain.of_record.items():
        if any(times[id_] == 1 for id_, _, _ in rows):
            assert tuple(record) in records, ("no output", record)


def _check_state(project: Project, plain: Learnt, live: Lineage, snapshot: Any) -> None:
    context = context_of(project.context.settings, live)
    with (
        project.snapshots().open(snapshot) as opened,
        closing(checkpoint.load(context, opened, live.serial)) as fold,
    ):
        check_counts(fold, plain)
        static = fold.scoring.static
        assert (static is None) == (plain.static is None), "the frozen copy"


def _check_versions(registry: Registry, plain: Lineages) -> None:
    """Each version is the state that its lineage had there."""
    for version in registry.versions.all():
        cut = {
            (topic, int(partition)): at
            for topic, partitions in version.start.positions.items()
            for partition, at in partitions.items()
        }
        then = plain.then(version.lineage, dict.fromkeys(plain.live.cut, 0) | cut)
        assert version.model_sha256 == then.model, ("version", version.version)
        counts = Counter({name: version.events[name] for name in then.rest["counts"]})
        assert counts == then.rest["counts"], ("version", version.version)


def _check_measures(report: dict[str, Any], plain: Learnt) -> None:
    _check_loss(report, plain.measured)
    if plain.static is not None:
        _check_loss(report["static"], plain.of_static)
    if plain.shadow is not None and plain.of_shadow:
        _check_loss(report["contenders"]["slow"], list(plain.of_shadow.values()))


def _check_loss(found: dict[str, Any], measured: Sequence[tuple[float, int]]) -> None:
    """The log loss by its definition, of as many examples."""
    if not measured:
        return
    assert found["count"] == len(measured)
    clipped = [(min(max(score, 1e-7), 1 - 1e-7), label) for score, label in measured]
    losses = [math.log(score if label else 1 - score) for score, label in clipped]
    assert found["log_loss"] == pytest.approx(-math.fsum(losses) / len(losses), abs=1e-10)
