"""Models with measures and nothing else: made lessons, evaluated and saved as checkpoints are.

For the tests of reports, which read the registry and a snapshot's measures and no model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import typer
from typer.testing import CliRunner, Result

from converters.schema.passthrough import passthrough_of
from learners.commands.report import report
from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Lessons, Measuring
from learners.registry import Registry
from learners.registry.row_types import Commit, Fixed, Start, Verdict
from tests.support.serving.project import Project

START = Start({"flights.events": {0: 0}}, {"flights.events": "T"}, 0)
BEGAN = 1_357_016_400_000
MINUTE = 60_000
CARRIERS = ["AA", "B6", "<script>alert(1)</script>\x1b[31m", ""]

MORE = """
slices = ["carrier"]
[value]
true_positive = 5
false_positive = -1
scale = "distance"
"""


def lessons(count: int, seed: int = 3, first: int = 0) -> Lessons:
    """Lessons of a score that knows something, one that knows less, and one that came later."""
    draw = np.random.default_rng(seed)
    truth = draw.beta(0.8, 1.6, count)
    positive = draw.random(count) < truth
    noise = draw.normal(0, 0.05, (3, count))
    late = np.clip(truth + noise[1] * 3, 0.001, 0.999)
    late[: count // 2] = np.nan
    arrived = BEGAN + np.arange(first, first + count) * 10 * MINUTE
    return Lessons(
        scores={
            "score": np.clip(truth + noise[0], 0.001, 0.999),
            "static": np.clip(truth + noise[2] * 4, 0.001, 0.999),
            "raw": np.clip(truth + noise[0] + 0.1, 0.001, 0.999),
            "base_rate": np.full(count, 0.33),
            "deep": late,
        },
        positive=positive,
        behind=np.arange(first, first + count),
        arrived=arrived,
        known=arrived + draw.integers(0, 600, count) * MINUTE,
        slices=draw.integers(-1, len(CARRIERS), (1, count)),
        amounts=np.where(draw.random(count) < 0.02, np.nan, draw.integers(1, 9, count)),
    )


@dataclass
class MeasuredModel:
    """A model whose learner has measured made lessons.

    Attributes:
        project: its folder.
        evaluator: its measures.
        counts: of the registry's rows, where they differ from what follows from the lessons.
        verdict: on what is saved.
    """

    project: Project
    evaluator: Evaluator
    counts: dict[str, int] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=lambda: Verdict(good=True))

    def save(self, learned: int, parent: int | None = None, **manifest: Any) -> int:
        """Commit a checkpoint as a version; its number."""
        with self.project.registry() as registry:
            epoch = registry.writer.begin_epoch("test")
            lineage = self._lineage(registry, epoch)
            with self._commit(lineage, learned, parent, manifest) as commit:
                version = registry.writer.commit(epoch, commit).version
        assert version is not None
        return version

    def save_candidate(self, learned: int) -> int:
        """The same as a backfill's candidate; its number."""
        with self.project.registry() as registry:
            lineage = self._begin(registry, None)
            with self._commit(lineage, learned, None, {}) as commit:
                return registry.writer.add_candidate(commit)

    @contextmanager
    def _commit(
        self, lineage: int, learned: int, parent: int | None, manifest: dict[str, Any]
    ) -> Iterator[Commit]:
        with self.project.snapshots().draft() as draft:
            self._write(draft.path / "metrics.npz")
            ref = draft.finish({"slices": {"carrier": CARRIERS}, **manifest})
            counts = {"events": learned + 2, "learned": learned, "waiting": 2}
            labels = {"labels": learned, "labels_joined": learned}
            yield Commit(
                lineage=lineage,
                parent_version=parent,
                snapshot=ref,
                model_sha256="0" * 64,
                start=START,
                learned_something=True,
                verdict=self.verdict,
                events=counts | labels | self.counts,
                metrics=self.evaluator.summary(),
                learner={"kind": "vw", "args": "-b 16"},
                schema_hash=self.project.schema.hash,
            )

    def _write(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **self.evaluator.state())

    def _lineage(self, registry: Registry, epoch: int) -> int:
        live = registry.versions.live_lineage()
        if live is not None:
            return live.serial
        return self._begin(registry, epoch)

    def _begin(self, registry: Registry, epoch: int | None) -> int:
        return registry.writer.begin_lineage(
            epoch,
            parent_version=None,
            origin="learn",
            fixed=Fixed({"kind": "vw", "args": "-b 16"}, self.project.schema.hash),
            start=START,
        ).serial


def measured_model(folder: Path, more: str = MORE) -> MeasuredModel:
    """A model that has measured nothing yet."""
    project = Project(folder, more=more)
    names = passthrough_of(project.settings, project.schema).slices
    return MeasuredModel(project, Evaluator(Measuring.by(project.settings, names)))


def run(model: MeasuredModel, *arguments: str, command: Callable[..., None] = report) -> Result:
    """Run a command here; an error that it raises is raised."""
    app = typer.Typer()
    app.command()(command)
    config = ("--config", str(model.project.config_file))
    result = CliRunner().invoke(app, [*arguments, *config])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result


def rows(text: str, title: str) -> dict[str, list[str]]:
    """The lines of a table, by their first cell."""
    lines = text[text.index(title) :].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines]
    return {first: others for first, *others in cells}
