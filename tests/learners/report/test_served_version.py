"""Which figures are of what is served, by what the registry and the pin say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from learners.registry import Registry
from learners.registry.row_types import Verdict, Version
from learners.report.served_version import held, served_version
from tests.support.learning.registry_samples import BAD, Writer, registry_at

HELD = Verdict(good=True, reason="far worse than the base rate", held=True)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry."""
    with registry_at(tmp_path) as opened:
        yield opened


def newest(registry: Registry) -> Version | None:
    """The version that ``latest`` names."""
    latest = registry.serving.pointers().latest
    return None if latest is None else registry.versions.find(latest)


def told(registry: Registry, pin: dict[str, object] | None = None) -> tuple[object, ...]:
    """Version, figures and reason."""
    found = served_version(registry.serving.pointers(), newest(registry), pin)
    return found.version, found.measured_as, found.why


def test_the_learners_figures_are_served_while_serving_follows_it(registry: Registry) -> None:
    """From its first version on."""
    writer = Writer(registry)
    assert told(registry) == (None, None, "There is no version yet.")
    writer.versions(2)
    assert told(registry) == (2, "learner", "")


def test_a_pinned_version_is_measured_by_itself_or_not_at_all(registry: Registry) -> None:
    """As the contender; not before the learner scores with it, nor when that fails."""
    Writer(registry).versions(2)
    registry.serving.pin("rollback", 1, "a try", "ann")
    assert told(registry, {"version": 1, "trouble": ""}) == (1, "pinned", "")
    assert told(registry, {"version": 1, "trouble": "gone"}) == (1, None, "gone")
    for pin in (None, {"version": 2, "trouble": ""}):
        version, measured_as, why = told(registry, pin)
        assert (version, measured_as) == (1, None)
        assert "after these figures" in str(why)


@pytest.mark.parametrize(("verdict", "word"), [(HELD, "held back"), (BAD, "refused")])
def test_a_version_that_does_not_take_its_place_is_not_what_is_measured(
    registry: Registry, verdict: Verdict, word: str
) -> None:
    """The learner has gone on to what is not served."""
    writer = Writer(registry)
    writer.commit()
    writer.commit(verdict)
    version, measured_as, why = told(registry)
    assert (version, measured_as) == (1, None)
    assert word in str(why)
    assert held(newest(registry)) == (HELD.reason if verdict is HELD else "")
