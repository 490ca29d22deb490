"""The names of weights, checked against what Vowpal Wabbit's audit says of every row."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from converters.convert.from_vw_text import readable
from converters.convert.to_vw_text import compile_schema
from learners.explain.feature_names import MetFeatures, names_file, read_names
from learners.explain.kept_rows import kept_lines
from learners.explain.model_weights import FeatureColumns, ModelWeights
from learners.learner import MODEL_FILE
from learners.versions.served_learner import spec_of
from tests.support.serving.project import Project, flights

OFTEN = "[checkpoint]\nevents = 300\nmin_spacing = 0\n"
_LETTER = re.compile(r"(^|\*)[A-Za-z]\^")


class Learned(NamedTuple):
    """A model that has learned flights, and their lines."""

    project: Project
    weights: ModelWeights
    model: Path
    lines: list[str]


def learned(folder: Path, **options: str) -> Learned:
    """A model of 600 flights; its file is copied."""
    project = Project(folder / "p", more=OFTEN, **options)  # type: ignore[arg-type]
    rows = flights(600)
    project.produce(project.write_csv(rows), label_time="landed")
    report = project.learn()
    with project.registry() as registry:
        version = registry.versions.find(report["version"])
    store, spec, model = project.snapshots(), spec_of(version.learner), folder / "model"
    names = read_names(names_file(store.folder, version.schema_hash))
    with store.open(version.snapshot) as snapshot:
        model.write_bytes((snapshot.path / MODEL_FILE).read_bytes())
        parts = (spec, model, project.schema, names, kept_lines(snapshot.path))
        weights = ModelWeights(*parts)
    converted = map(compile_schema(project.schema).row, rows)
    return Learned(project, weights, model, [row[2] for row in converted])


def audited(made: Learned, folder: Path) -> dict[int, set[str]]:
    """Which features each place has, as Vowpal Wabbit says of the lines."""
    rows = folder / "rows"
    rows.write_text("\n".join([*made.lines, ""]), encoding="utf-8")
    arguments = made.project.context.spec.args
    said = subprocess.run(
        [
            *(sys.executable, "-m", "vowpalwabbit", *arguments, "-i", str(made.model)),
            *("-t", "--audit", "-d", str(rows)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[int, set[str]] = {}
    for line in filter(lambda each: each.startswith("\t"), said.stdout.split("\n")):
        for token in line.strip().split("\t"):
            name, place, *_ = token.rsplit(":", 3)
            found.setdefault(int(place), set()).add(_LETTER.sub(r"\1", name))
    return found


@pytest.mark.parametrize("args", ["-b 18", "-b 12 --coin"], ids=["wide", "shared"])
def test_hashes_are_undone(args: str, tmp_path: Path) -> None:
    """Each weight has the names that the audit says, all of them where several share it."""
    made = learned(tmp_path, args=args)
    saved, truth = made.weights.saved, audited(made, tmp_path)
    totals = made.weights.totals()
    assert totals.weights == totals.undone == saved.places.size > 150
    named = made.weights.named(np.arange(saved.places.size))
    for place, weight in zip(saved.places.tolist(), named, strict=True):
        assert truth[place] <= set(map(readable, weight.names)), (place, weight)
    shared = [weight for weight in named if weight.others]
    assert len(shared) == totals.shared
    assert (len(shared) > 20) == ("12" in args)
    if "18" in args:
        (largest,) = made.weights.largest(1)
        assert abs(largest.weight) == np.abs(saved.values).max()
        assert largest.share is not None
        assert 0 < largest.share < 1


def test_river_has_names(tmp_path: Path) -> None:
    """Nothing is undone, and nothing shared."""
    made = learned(tmp_path, kind="river", args="")
    totals = made.weights.totals()
    assert totals.weights == totals.undone > 100
    assert totals.shared == 0
    names = {weight.names[0] for weight in made.weights.named(np.arange(totals.weights))}
    assert {"Constant"} < names
    assert all("*" in name or "|" in name or name == "Constant" for name in names)


def test_a_name_is_told_by_column_and_value(tmp_path: Path) -> None:
    """Of a cross both; escapes are undone; a number has no value."""
    columns = FeatureColumns(Project(tmp_path).schema)
    letter = {f.name: f.namespace for f in Project(tmp_path).schema.features}
    key = f"{letter['carrier']}|carrier=a%20b*x%25*{letter['distance']}|distance"
    assert columns.parts(key) == [
        {"column": "carrier", "feature": "carrier", "value": "a b*x%"},
        {"column": "distance", "feature": "distance", "value": None},
    ]


def test_names_are_written_once_and_bounded(tmp_path: Path) -> None:
    """What another process has written, too; a line that a kill has cut harms no other."""
    file = tmp_path / "names"
    file.write_bytes(b"a=1\na=2\nb=cu")
    met = MetFeatures(most=5)
    met.add(["a=2", "a=3", "a=3"])
    met.save(file)
    met.add(["a=3", "a=4", "a=5"])
    met.save(file)
    assert read_names(file) == ["a=1", "a=2", "b=cu", "a=3", "a=4"]
    MetFeatures(most=5).save(file)
    assert read_names(tmp_path / "none") == []
