"""What a snapshot says of its scores' adjustment holds wherever its scores are told."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from converters.cells.refusal import Refusal
from learners import choose
from learners.calibration.adjustment import Adjustment
from learners.calibration.platt import Platt
from learners.learner import MODEL_FILE
from learners.snapshots.manifest import SnapshotRef
from learners.snapshots.store import Draft
from learners.versions.score_file import score_file
from learners.versions.served_learner import spec_of
from tests.support.serving.project import flights
from tests.support.serving.served import Maker, a_project, as_csv, client_of, maker_of

ADJUSTMENT = Adjustment(0.5, Platt(0.7, 0.1))
ROWS = flights(60, seed=5)


def raw_scores(maker: Maker, version: int) -> list[float]:
    """What the version's own learner says of the rows."""
    found = maker.registry.versions.find(version)
    converted = [maker.convert(row) for row in ROWS]
    with maker.store.open(found.snapshot, only={MODEL_FILE}) as snapshot:
        learner = choose.load(spec_of(found.learner), snapshot.path / MODEL_FILE)
    try:
        return learner.predict([row[2] for row in converted if not isinstance(row, Refusal)])
    finally:
        learner.close()


def test_served_and_batch_scores_are_adjusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP, one row or many, and ``freshet score`` give the adjusted score and its label."""
    finish = Draft.finish

    def finished(draft: Draft, manifest: dict[str, Any]) -> SnapshotRef:
        return finish(draft, manifest | {"adjustment": ADJUSTMENT.to_json()})

    monkeypatch.setattr(Draft, "finish", finished)
    with maker_of(a_project(tmp_path)) as maker:
        version = maker.make()
        raw = raw_scores(maker, version)
        expected = ADJUSTMENT.apply(raw)
        assert {score >= 0.5 for score in expected} == {True, False}
        assert [score >= 0.5 for score in expected] != [score >= 0.5 for score in raw]
        with client_of(maker.project) as client:
            body, kind = as_csv(ROWS), {"content-type": "text/csv"}
            many = client.post("/predict", content=body, headers=kind).json()["predictions"]
            head, first, *_ = body.splitlines(keepends=True)
            one = client.post("/predict", content=head + first, headers=kind).json()["predictions"]
        source, out = tmp_path / "rows.csv", tmp_path / "scores.csv"
        source.write_text(as_csv(ROWS), encoding="utf-8")
        project, found = maker.project, maker.registry.versions.find(version)
        score_file(project.settings, project.schema, found, str(source), str(out))
    names = project.schema.label_spellings
    assert [p["score"] for p in many] == expected
    assert [p["label"] for p in many] == [names[score >= 0.5] for score in expected]
    assert one == many[:1]
    with out.open(encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [(float(line["score"]), line["label"]) for line in written] == [
        (p["score"], p["label"]) for p in many
    ]
