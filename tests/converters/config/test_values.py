"""Values that pass for numbers or text, and that no run could use."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.config import load
from converters.errors import UsageError
from stream.log.topics import topics_of
from tests.support.serving.project import Project


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("late_labels.wait", "inf", "late_labels.wait"),
        ("checkpoint.min_spacing", "nan", "checkpoint.min_spacing"),
        ("evaluation.window", "99999999999999999999", "evaluation.window"),
        ("evaluation.static_after", '"foo"', "foo"),
    ],
)
def test_values_that_no_run_could_use_are_refused(
    tmp_path: Path, key: str, value: str, named: str
) -> None:
    """What is not finite, too large or no time is an error of the config, and names the key."""
    section, name = key.split(".")
    path = tmp_path / "freshet.toml"
    path.write_text(
        f'model = "m"\n[label]\npositive = ["1"]\nnegative = ["0"]\n[{section}]\n{name} = {value}\n'
        '[columns]\nid = {role = "id"}\nx = {kind = "numeric"}\n'
    )
    with pytest.raises(load.ConfigError, match=named):
        load.load(path)


@pytest.mark.parametrize(
    "names",
    ['events = "x"\nlabels = "x"', 'scores = "flights.events"', 'journal = "flights.scores"'],
)
def test_topics_must_differ(tmp_path: Path, names: str) -> None:
    """A learner that reads what it has written would feed itself."""
    project = Project(tmp_path / "p", more=f"[topics]\n{names}")
    with pytest.raises(UsageError, match=r"topics\.\w+ and topics\.\w+ are both"):
        topics_of(project.settings)


@pytest.mark.parametrize("bound", ["nan", "inf", "-inf"])
def test_a_range_needs_finite_bounds(tmp_path: Path, bound: str) -> None:
    """Clipping to a bound that is not finite would poison the learner."""
    path = tmp_path / "freshet.toml"
    path.write_text(
        'model = "m"\n[label]\npositive = ["1"]\nnegative = ["0"]\n'
        f'[columns]\nid = {{role = "id"}}\nx = {{kind = "numeric", min = {bound}}}\n'
    )
    with pytest.raises(load.ConfigError, match=r"columns\.x\.min.*finite"):
        load.load(path)
