"""The config's learner is found, made and opened; what cannot be had is said loudly."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from converters.config.learning_settings import LearnerSettings, RiverSettings
from converters.errors import UsageError
from learners import choose
from learners.learner import LearnerSpec, WrongLearnerError
from learners.river.arguments import river_spec
from learners.vw.arguments import vw_spec

PAIRS = [("b", "a"), ("a", "c")]


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """A Python in which these packages cannot be imported."""
    modules = {"vowpalwabbit": ("vowpalwabbit", "vowpalwabbit.pyvw"), "river": ("river",)}
    for package in packages:
        for name in modules[package]:
            monkeypatch.setitem(sys.modules, name, None)
    for name in ("learners.vw.learner", "learners.vw.model_file", "learners.river.learner"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_pairs_are_crossed() -> None:
    """The pairs of namespaces that the schema crosses are part of the learner."""
    settings = LearnerSettings(args="-b 20")
    assert choose.spec_for(settings, PAIRS) == vw_spec("-b 20", PAIRS)


def test_river_by_choice() -> None:
    """The kind `river` takes river's section."""
    settings = LearnerSettings(kind="river", river=RiverSettings(optimizer="adagrad", l2=0.5))
    spec = choose.spec_for(settings, PAIRS)
    assert spec == river_spec(RiverSettings(optimizer="adagrad", l2=0.5), [("a", "b"), ("a", "c")])
    assert spec.args[:6] == ("--optimizer", "adagrad", "--learning_rate", "0.05", "--l2", "0.5")


def test_rivers_step_is_shorter_where_all_pairs_are_crossed() -> None:
    """By as much as a row has more features; the same pairs by name leave it, as ever."""
    river = {"kind": "river", "river": {"learning_rate": 0.05}}
    letters = "abcdefghij"
    pairs = list(combinations(letters, 2))
    rates = [
        spec.args[spec.args.index("--learning_rate") + 1]
        for spec in (
            choose.spec_for(
                LearnerSettings.model_validate(river | {"interactions": crossed}), pairs
            )
            for crossed in ("pairs", [["some", "other"]])
        )
    ]
    assert rates == ["0.00909", "0.05"]


def test_auto_is_vw_without_a_word() -> None:
    """Where both can be imported, auto is VW."""
    with capture_logs() as logs:
        assert choose.spec_for(LearnerSettings(), []).kind == "vw"
    assert logs == []


def test_auto_without_vw_is_river_said_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """River takes over, with a warning that names the cause, and learns."""
    without(monkeypatch, "vowpalwabbit")
    with capture_logs() as logs:
        spec = choose.spec_for(LearnerSettings(args="--coin"), PAIRS)
    assert spec.kind == "river"
    (warning,) = logs
    assert warning["log_level"] == "warning"
    assert "learned by river instead" in warning["event"]
    assert "vowpalwabbit" in warning["cause"]
    assert choose.create(spec).step(["1 | x=1", "| x=1"])[1] > 0.5


def test_vw_by_choice_without_vw_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind `vw` never becomes something else; the error says what can be done."""
    without(monkeypatch, "vowpalwabbit")
    with pytest.raises(UsageError, match=r'vowpalwabbit cannot be imported .* "river"'):
        choose.spec_for(LearnerSettings(kind="vw"), [])
    with pytest.raises(UsageError, match="vowpalwabbit cannot be imported"):
        choose.create(vw_spec("", []))


def test_neither_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without both, auto is an error as well."""
    without(monkeypatch, "vowpalwabbit", "river")
    with pytest.raises(UsageError, match="vowpalwabbit cannot be imported"):
        choose.spec_for(LearnerSettings(), [])


def test_a_kind_of_the_future_is_an_error(tmp_path: Path) -> None:
    """A manifest may name a learner that this Freshet does not have."""
    with pytest.raises(
        WrongLearnerError, match="kind `forest` is unknown here; known are vw, river, "
    ):
        choose.load(LearnerSpec("forest", ()), tmp_path)


def test_choosing_imports_neither_learner() -> None:
    """The command line stays light: no learner's package before one is asked for."""
    program = (
        "import sys, learners.choose; from learners.choose import create, load;"
        "print([m for m in ('vowpalwabbit', 'river', 'structlog', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
