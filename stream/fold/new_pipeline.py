"""A pipeline that has learned nothing yet, as the config describes it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from converters.cells.times import time_ms
from converters.config.settings import Settings
from converters.schema.passthrough import passthrough_of
from learners import choose
from learners.calibration import Adjuster
from learners.evaluation import Evaluator, Measuring
from learners.learner import MODEL_FILE, Learner
from learners.shadow_specs import shadow_specs
from stream.context import Context
from stream.fold.pipeline import Pipeline
from stream.fold.plan import Teaching
from stream.fold.planner import Planner
from stream.fold.scoring import Scoring
from stream.fold.shadows import new_shadow
from stream.fold.slices import Slices
from stream.joins.joiner import Joiner
from stream.joins.saved import SavedJoins


def new_pipeline(context: Context, lineage: int) -> Pipeline:
    """A pipeline that has seen nothing."""
    settings = context.settings
    specs = shadow_specs(settings, context.schema)
    scoring = Scoring(
        choose.create(context.spec),
        Adjuster(settings.imbalance, settings.calibration),
        copy_of,
        Slices(passthrough_of(settings, context.schema), settings.evaluation.slice_values),
        [new_shadow(name, spec, settings) for name, spec in specs.items()],
    )
    late = settings.late_labels
    joiner = Joiner(late, settings.duplicates, scoring.layout())
    teaching = Teaching.by(settings.imbalance)
    return Pipeline(
        scoring,
        Planner(joiner, late.expired == "negative", teaching),
        Evaluator(measuring(context)),
        SavedJoins(joiner, late.memory),
        lineage,
        static_after=_static_after(settings),
    )


def measuring(context: Context) -> Measuring:
    """What is measured, as the config says."""
    settings = context.settings
    return Measuring.by(settings, passthrough_of(settings, context.schema).slices)


def copy_of(learner: Learner) -> Learner:
    """A learner with the same state that goes its own way from here."""
    with TemporaryDirectory() as folder:
        saved = Path(folder) / MODEL_FILE
        learner.save(saved)
        return choose.load(learner.spec, saved)


def _static_after(settings: Settings) -> int | None:
    moment = settings.evaluation.static_after
    return None if moment is None else time_ms(moment)
