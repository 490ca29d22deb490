"""The served model when snapshots are damaged, servers differ, or the registry is away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from learners.registry.errors import RegistryUnavailableError
from learners.registry.serving import Serving
from serve.http.problems import NoModelError
from serve.live import live_model
from serve.live.live_model import LiveModel
from serve.live.version_loader import Loader
from tests.support.serving.live import POLL, ROWS, live_of, running, scored, serving, until
from tests.support.serving.served import Maker, a_project, edited, maker_of


def test_a_version_without_a_config_is_served_under_its_schema_only(tmp_path: Path) -> None:
    """An older release made it: a server of another schema serves nothing, and condemns nothing."""

    async def refuses(live: LiveModel) -> None:
        await until(lambda: "a different schema" in live.trouble)
        with pytest.raises(NoModelError, match="a different schema"), live.use():
            pass

    async def serves(live: LiveModel) -> None:
        await until(lambda: serving(live) == 1)

    with maker_of(a_project(tmp_path), keeps_config=False) as maker:
        maker.make()
        running(live_of(maker), serves)
        other = edited(maker.project, hour='hour = { kind = "numeric" }')
        running(live_of(maker, other), refuses)
        assert {v.state for v in maker.registry.versions.all()} == {"verified"}


def test_a_snapshot_that_is_not_there_is_tried_again(maker: Maker, tmp_path: Path) -> None:
    """A store that is mounted late: the old version goes on, the new one follows by itself."""
    folder = maker.model_file(3).parent

    async def act(live: LiveModel) -> None:
        maker.point_to(1)
        await until(lambda: serving(live) == 1)
        folder.rename(tmp_path / "away")
        maker.point_to(3)
        await until(lambda: "is not there" in live.trouble)
        assert scored(live, maker) == (1, maker.scores(1, ROWS))
        (tmp_path / "away").rename(folder)
        await until(lambda: serving(live) == 3)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_model, "FIRST_RETRY_SECONDS", 0.05)
        running(live_of(maker), act)
    assert maker.registry.versions.find(3).state == "verified"


def test_trouble_is_said_once_and_tried_ever_more_seldom(
    maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version that cannot be loaded does not fill the log, nor the disk with copies."""
    maker.model_file(3).parent.rename(tmp_path / "away")
    tries: list[int] = []
    load = Loader.load

    def counting(self: Loader, number: int) -> Any:
        tries.append(number)
        return load(self, number)

    async def act(live: LiveModel) -> None:
        await asyncio.sleep(0.6)
        assert live.trouble

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_model, "FIRST_RETRY_SECONDS", 0.05)
        patch.setattr(Loader, "load", counting)
        running(live_of(maker), act)
    assert 2 <= len(tries) <= 5
    assert capsys.readouterr().err.count("version-not-served") == 1


def test_while_the_registry_is_away_the_model_goes_on(
    maker: Maker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers, says once that the registry is away, and follows again when that is back."""
    away = True

    def pointers(self: Serving) -> Any:
        if away:
            raise RegistryUnavailableError("The registry does not answer.")
        return read(self)

    read = Serving.pointers

    async def act(live: LiveModel) -> None:
        nonlocal away
        await until(lambda: serving(live) == 3)
        monkeypatch.setattr(Serving, "pointers", pointers)
        await until(lambda: bool(live.registry_trouble))
        await asyncio.sleep(5 * POLL)
        assert scored(live, maker) == (3, maker.scores(3, ROWS))
        maker.point_to(1)
        away = False
        await until(lambda: serving(live) == 1)
        assert live.registry_trouble == ""

    running(live_of(maker), act)
    assert capsys.readouterr().err.count("registry-away") == 1


def test_a_fault_in_a_load_ends_nothing(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises, the old model goes on, and so does the looking."""
    load = Loader.load

    def faulty(self: Loader, number: int) -> Any:
        if number == 3:
            raise KeyError("a bug")
        return load(self, number)

    async def act(live: LiveModel) -> None:
        maker.point_to(1)
        await until(lambda: serving(live) == 1)
        maker.point_to(3)
        await until(lambda: "KeyError" in live.trouble)
        assert serving(live) == 1
        maker.point_to(2)
        await until(lambda: serving(live) == 2)

    monkeypatch.setattr(Loader, "load", faulty)
    running(live_of(maker), act)
