"""A promotion is refused where the version is worse than what is served, unless it is forced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converters.config.learning_settings import GateSettings
from learners.registry import Registry
from learners.registry.actor import on_command_line
from learners.registry.errors import PromotionRefusedError
from learners.registry.row_types import Verdict
from learners.versions.promotion import Asked, Promoted, promote
from tests.support.learning.measured_models import MeasuredModel, lessons, measured_model

COUNT = 400
PLAINLY = Asked()


@pytest.fixture
def model(tmp_path: Path) -> MeasuredModel:
    """A model whose version 1 is served."""
    model = a_model(tmp_path, 0.0)
    model.save(COUNT)
    return model


def a_model(folder: Path, towards_half: float) -> MeasuredModel:
    """Measures of a score that is so far on the way to one half."""
    model = measured_model(folder)
    given = lessons(COUNT)
    scores = given.scores["score"]
    moved = scores + (0.5 - scores) * towards_half
    model.evaluator.take(replace(given, scores=given.scores | {"score": moved}))
    return model


def candidate(
    model: MeasuredModel, towards_half: float = 0.0, learned: int = COUNT, **counts: int
) -> int:
    """A backfill of the same model; its number."""
    other = a_model(model.project.folder, towards_half)
    other.counts = counts
    return other.save_candidate(learned)


@pytest.fixture
def registry(model: MeasuredModel) -> Iterator[Registry]:
    """The model's registry."""
    with closing(Registry(model.project.settings.registry, model.project.settings.model)) as opened:
        yield opened


def promoted(model: MeasuredModel, number: int, asked: Asked = PLAINLY) -> Promoted:
    """Promote a version."""
    project = model.project
    with project.registry() as registry:
        config = project.settings, project.schema
        return promote(registry, config, number, "better", on_command_line(), asked)


def test_a_version_that_is_as_good_is_promoted(model: MeasuredModel) -> None:
    """The answer says on how many examples both were compared, and what came out."""
    found = promoted(model, candidate(model))
    assert (found.pointers.serving, found.pointers.pinned, found.overridden) == (2, True, ())
    assert found.compared.common
    assert found.compared.common.count == COUNT
    assert found.compared.common.log_loss == found.compared.common.other_log_loss
    assert "on 400 examples of both" in found.compared.words()


@pytest.mark.parametrize(
    ("towards_half", "counts", "says"),
    [
        (0.0, {"rejected": 4}, None),
        (0.0, {"rejected": 40}, "10.0% of its rows were rejected"),
        (0.0, {"labels_rejected": 40}, "10.0% of its labels were rejected"),
        (0.0, {"learned": 360}, None),
        (0.0, {"learned": 359}, "it has learned from 359 examples, and version 1 from 400"),
        (0.25, {}, None),
        (0.9, {}, "its log loss is 0.6"),
        (0.0, {"learned": 0}, "it has learned nothing of 2 rows"),
    ],
)
def test_what_is_worse_is_refused_and_moves_nothing(
    model: MeasuredModel,
    registry: Registry,
    towards_half: float,
    counts: dict[str, int],
    says: str | None,
) -> None:
    """More rejected, less learned, or a higher log loss, each beyond its limit; or nothing."""
    number = candidate(model, towards_half, **counts)
    before = registry.serving.pointers(), registry.ledger.entries()
    if says is None:
        assert promoted(model, number).pointers.serving == number
        return
    with pytest.raises(PromotionRefusedError) as refused:
        promoted(model, number)
    told = str(refused.value)
    assert f"Version {number} was not promoted, and version 1 is still served: {says}" in told
    for way in (f"freshet promote {number} --force", "freshet rollback VERSION", '"force": true'):
        assert way in told
    assert (registry.serving.pointers(), registry.ledger.entries()) == before
    assert registry.adoptions.pending() is None


def test_a_forced_promotion_says_what_it_overrides(
    model: MeasuredModel, registry: Registry
) -> None:
    """In the answer, and in the ledger for good."""
    asked = Asked(force=True, objections=("3 of 9 rows were refused",))
    found = promoted(model, candidate(model, 0.9, rejected=40), asked)
    assert found.pointers.serving == 2
    first, rejected, loss = found.overridden
    assert first == "3 of 9 rows were refused"
    assert "rows were rejected" in rejected
    assert "its log loss is" in loss
    assert registry.ledger.entries()[-1].detail["overridden"] == list(found.overridden)


def test_nothing_is_overridden_where_nothing_speaks_against_it(
    model: MeasuredModel, registry: Registry
) -> None:
    """A force that was not needed leaves no trace."""
    assert promoted(model, candidate(model), Asked(force=True)).overridden == ()
    assert "overridden" not in registry.ledger.entries()[-1].detail


def test_the_first_version_is_compared_with_nothing(tmp_path: Path) -> None:
    """Unless it has learned nothing."""
    model = a_model(tmp_path, 0.0)
    with pytest.raises(PromotionRefusedError, match="nothing is served yet: it has learned"):
        promoted(model, candidate(model, learned=0))
    assert promoted(model, candidate(model)).pointers.serving == 2


def test_the_served_version_may_be_promoted(model: MeasuredModel, registry: Registry) -> None:
    """It is pinned, and the reason is kept."""
    assert promoted(model, 1).pointers.pinned
    assert registry.ledger.entries()[-1].reason == "better"


def test_versions_without_common_examples_are_promoted_by_their_counts(
    model: MeasuredModel,
) -> None:
    """The answer says that and why the log loss was not compared."""
    other = measured_model(model.project.folder)
    other.evaluator.take(lessons(COUNT, first=100_000))
    found = promoted(model, other.save_candidate(COUNT))
    assert found.compared.common is None
    assert "was not compared with version 1's: they have 0 examples" in found.compared.words()


def test_a_backfill_is_refused_that_the_gate_would_hold_back(
    model: MeasuredModel, registry: Registry
) -> None:
    """What it has in common with the served version may be older than what made it bad."""
    settings = model.project.settings.model_copy(update={"gate": GateSettings(labels=COUNT)})
    config = settings, model.project.schema
    given = lessons(COUNT, first=100_000)
    flipped = given.scores | {"score": 1 - given.scores["score"]}
    other = measured_model(model.project.folder)
    other.evaluator.take(replace(given, scores=flipped))
    number = other.save_candidate(COUNT)
    with pytest.raises(PromotionRefusedError, match="over the last 400 labels its log loss is"):
        promote(registry, config, number, "better", on_command_line())
    forced = promote(registry, config, number, "better", on_command_line(), Asked(force=True))
    assert forced.pointers.serving == number


def test_a_held_version_is_promoted_and_that_it_was_held_is_told(
    model: MeasuredModel, registry: Registry
) -> None:
    """In the answer and the ledger; it waits for a person, who needs no --force."""
    model.verdict = Verdict(good=True, reason="It is bad.", held=True)
    held = model.save(2 * COUNT)
    found = promoted(model, held)
    assert found.overridden == ("it was held back: It is bad",)
    assert registry.ledger.entries()[-1].detail["overridden"] == ["it was held back: It is bad"]


def test_a_thinned_version_is_compared_by_its_counts(
    model: MeasuredModel, registry: Registry
) -> None:
    """Where the served version's measures are gone, that is told."""
    registry.serving.pin("rollback", 1, "hold", "ann")
    (model.project.snapshots().folder / registry.versions.find(1).snapshot.folder).rename(
        model.project.folder / "away"
    )
    found = promoted(model, candidate(model))
    assert found.pointers.serving == 2
    assert found.compared.common is None
    assert found.compared.not_compared


def test_a_pinned_version_is_compared_by_what_the_learner_scored_with_it(
    model: MeasuredModel, registry: Registry
) -> None:
    """Its own checkpoint ends before the examples that the candidate has in its window."""
    registry.serving.pin("promote", 1, "keep", "ann")
    given = lessons(COUNT, seed=4, first=50_000)
    bad = np.full(COUNT, 0.999)
    live = measured_model(model.project.folder)
    live.evaluator.take(replace(given, scores=given.scores | {"pinned": bad}))
    live.save(COUNT, pin={"version": 1})
    other = measured_model(model.project.folder)
    other.evaluator.take(given)
    found = promoted(model, other.save_candidate(COUNT))
    assert found.compared.common
    assert found.compared.common.count == COUNT
    assert found.compared.common.other_log_loss > 1
