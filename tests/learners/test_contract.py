"""Every learner with every argument that is let in keeps every promise of the contract."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from converters.config.learning_settings import ForestSettings, RiverSettings
from learners.learner import LearnerSpec
from learners.river.arguments import forest_spec, river_spec
from learners.vw.arguments import vw_spec
from tests.support.explaining.explanation_contract import EXPLANATION_PROMISES
from tests.support.learning.learner_contract import PROMISES, Promise
from tests.support.learning.learner_samples import PAIRS
from tests.support.learning.weight_contract import WEIGHT_PROMISES

# Each option at both ends of its range and in between, and together with the others; in a small
# table, which is saved in no time.
VW_ARGS = (
    "",
    "-b 10",
    "-b 12 -l 0.001",
    "-b 12 -l 10",
    "-b 12 --power_t 0",
    "-b 12 --power_t 0.75",
    "-b 12 --initial_t 100",
    "-b 12 --l1 1e-5",
    "-b 12 --l2 1e-4",
    "-b 12 --l2 0.1",
    "-b 20 -l 0.8 --power_t 0.3 --l1 1e-6 --l2 1e-5",
    "-b 12 --coin",
    "-b 20 --coin",
    "-b 12 --coin --ftrl_alpha 0.01 --ftrl_beta 100",
    "-b 12 --coin --ftrl_alpha 20 --ftrl_beta 0.1",
)
RIVER = (
    RiverSettings(),
    RiverSettings(l2=0.001, learning_rate=0.01, intercept_learning_rate=0.0),
    RiverSettings(optimizer="adagrad"),
    RiverSettings(optimizer="adam", learning_rate=0.01),
)
FORESTS = (
    ForestSettings(model="arf", trees=3, max_nodes=15),
    ForestSettings(model="amf", trees=3, max_nodes=101),
)
SPECS = {
    **{f"vw {args}".strip(): vw_spec(args, PAIRS) for args in VW_ARGS},
    "vw without interactions": vw_spec("", []),
    "vw all pairs, --coin": vw_spec("-b 20 --coin", list(combinations("abcd", 2))),
    **{f"river {r.optimizer} l2={r.l2}": river_spec(r, PAIRS) for r in RIVER},
    **{f"river {f.model}": forest_spec(f) for f in FORESTS},
}


@pytest.mark.parametrize(
    "promise",
    PROMISES + WEIGHT_PROMISES + EXPLANATION_PROMISES,
    ids=lambda promise: promise.__name__,
)
@pytest.mark.parametrize("spec", [pytest.param(spec, id=name) for name, spec in SPECS.items()])
def test_promise(spec: LearnerSpec, promise: Promise, tmp_path: Path) -> None:
    """The learner keeps the promise."""
    promise(spec, tmp_path)
