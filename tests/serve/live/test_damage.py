"""Snapshots that are damaged, or score otherwise than they promise: refused, and never served."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from learners import choose
from learners.learner import NonFiniteError
from serve.http.problems import NoModelError
from serve.http.prometheus_counters import Counters
from serve.live import version_loader
from serve.live.live_model import LiveModel
from serve.live.version_loader import Loader
from serve.rows.readers import Readers
from tests.support.serving.live import live_of, running, serving, until
from tests.support.serving.served import Maker


def damage_bit(path: Path) -> None:
    """One bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    """The last byte."""
    path.write_bytes(path.read_bytes()[:-1])


def replace_whole(path: Path) -> None:
    """Another version's model, whole in itself."""
    others = sorted(path.parent.parent.glob("*/model"))
    path.write_bytes(next(each.read_bytes() for each in others if each != path))


@pytest.mark.parametrize("damage", [damage_bit, cut, replace_whole, Path.unlink])
def test_a_corrupt_snapshot_is_never_served(maker: Maker, damage: Callable[[Path], None]) -> None:
    """It is refused for all, the ledger says why and who, and the newest good one is served."""
    damage(maker.model_file(3))
    served: set[int | None] = set()

    async def act(live: LiveModel) -> None:
        await until(lambda: served.add(serving(live)) or serving(live) == 2)  # type: ignore[func-returns-value]
        await live.synced(10)

    running(live_of(maker), act)
    assert served == {None, 2}
    assert maker.registry.versions.find(3).state == "refused"
    entry = next(e for e in maker.registry.ledger.entries() if e.action == "refuse")
    assert (entry.version, entry.from_version, entry.to_version) == (3, 3, 2)
    assert "corrupt" in entry.reason
    assert entry.actor.startswith("server ")


def test_after_a_corrupt_version_the_next_is_looked_for_at_once(maker: Maker) -> None:
    """Not only when the registry is due to be read again."""
    cut(maker.model_file(3))
    readers = Readers(maker.registry, maker.project.settings.serve, maker.project.schema)
    loader = Loader(maker.registry, maker.store, readers)

    async def act(live: LiveModel) -> None:
        await until(lambda: serving(live) == 2)

    running(LiveModel(loader, 3600.0, Counters()), act)


def test_every_version_may_be_corrupt(maker: Maker) -> None:
    """Then nothing is served, all are refused, and the next good one ends that."""
    for version in (1, 2, 3):
        cut(maker.model_file(version))

    async def act(live: LiveModel) -> None:
        await until(lambda: maker.registry.serving.pointers().serving is None)
        await live.synced(10)
        with pytest.raises(NoModelError, match="corrupt"), live.use():
            pass
        maker.make()
        await until(lambda: serving(live) == 4)
        assert live.trouble == ""

    running(live_of(maker), act)
    assert [v.state for v in maker.registry.versions.all()] == ["refused"] * 3 + ["verified"]


def test_a_model_with_other_scores_than_promised_is_refused(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are whole, but the manifest's rows are scored otherwise."""
    monkeypatch.setattr(
        version_loader, "reproduces", says_of(maker, 3, "It scores a row 0.1, not 0.2.")
    )

    async def act(live: LiveModel) -> None:
        await until(lambda: serving(live) == 2)

    running(live_of(maker), act)
    assert maker.registry.versions.find(3).state == "refused"
    assert "not 0.2" in maker.registry.versions.find(3).reason


def test_a_model_that_is_not_finite_is_refused(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A weight that no lesson could bring back."""
    load = choose.load
    files: list[bytes] = [maker.model_file(3).read_bytes()]

    def judging(spec: Any, path: Path) -> Any:
        if path.read_bytes() == files[0]:
            raise NonFiniteError("A weight is not finite.")
        return load(spec, path)

    monkeypatch.setattr(choose, "load", judging)

    async def act(live: LiveModel) -> None:
        await until(lambda: serving(live) == 2)

    running(live_of(maker), act)
    assert maker.registry.versions.find(3).state == "refused"


def test_a_server_of_other_packages_does_not_condemn(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What gives other scores here because of other packages is left to the others."""
    monkeypatch.setattr(
        version_loader, "reproduces", says_of(maker, 3, "It scores a row 0.1, not 0.2.")
    )
    monkeypatch.setattr(version_loader, "packages", lambda: {"vowpalwabbit": "8.0"})

    async def act(live: LiveModel) -> None:
        maker.point_to(2)
        await until(lambda: serving(live) == 2)
        maker.point_to(3)
        await until(lambda: "vowpalwabbit" in live.trouble)
        assert serving(live) == 2

    running(live_of(maker), act)
    assert maker.registry.versions.find(3).state == "verified"


def says_of(maker: Maker, version: int, reason: str) -> Callable[[Any, Sequence[Any]], str]:
    """A judgement that finds one version wanting, known by its promised scores."""
    manifest = maker.store.manifest(maker.registry.versions.find(version).snapshot)
    wanted = json.dumps(manifest["expected"])
    return lambda _, expected: reason if json.dumps(expected) == wanted else ""
