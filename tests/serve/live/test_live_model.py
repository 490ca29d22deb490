"""The served model under swaps, damage and absence: what answers is always right and whole."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest

from learners.registry.row_types import Verdict
from learners.versions.score_file import scores_of
from serve.live import live_model
from serve.live.live_model import LiveModel
from tests.support.serving.live import (
    POLL,
    ROWS,
    Application,
    live_of,
    running,
    scored,
    serving,
    until,
)
from tests.support.serving.project import Project, flights
from tests.support.serving.served import Maker, as_csv, client_of, maker_of


def test_answers_carry_the_version_that_made_them_in_a_storm_of_swaps(maker: Maker) -> None:
    """200 swaps while long requests run: none fails, each has one version's scores alone."""
    rows = flights(300, seed=5)
    expected = {version: maker.scores(version, rows) for version in (1, 2, 3)}
    body = as_csv(rows).encode()
    application = Application(maker.project)
    seen: list[int] = []
    done = False

    async def client() -> None:
        while not done:
            status, answer = await application.ask("POST", "/predict", body, "text/csv")
            assert status == 200
            seen.append(answer["version"])
            assert [p["score"] for p in answer["predictions"]] == expected[answer["version"]]
            await asyncio.sleep(random.choice((0, 0.01, 0.03)))

    async def storm() -> None:
        nonlocal done
        async with application.running():
            clients = [asyncio.create_task(client()) for _ in range(2)]
            for number in range(200):
                move = json.dumps({"version": 1 + number % 3, "reason": "storm"}).encode()
                status, answer = await application.ask("POST", "/rollback", move)
                assert (status, answer["version"]) == (200, 1 + number % 3)
            done = True
            await asyncio.gather(*clients)

    asyncio.run(storm())
    assert set(seen) == {1, 2, 3}
    assert len(seen) > 50


def test_a_request_keeps_its_model_open_until_it_ends(maker: Maker) -> None:
    """A model taken before a swap still scores after it, and is closed with its last user."""
    expected = maker.scores(3, ROWS[:5])
    rows = [maker.convert(row) for row in ROWS[:5]]
    closed: list[int] = []

    async def act(live: LiveModel) -> None:
        await until(lambda: serving(live) == 3)
        with live.use() as first, live.use() as second:
            close = first.learner.close

            def closing() -> None:
                closed.append(3)
                close()

            first.learner.close = closing  # type: ignore[method-assign]
            maker.point_to(1)
            await live.synced(10)
            assert serving(live) == 1
            await asyncio.sleep(0.05)  # as long as a close that was asked for would take
            assert scores_of(first.learner, rows) == scores_of(second.learner, rows) == expected
            assert closed == []
        await until(lambda: closed == [3])

    running(live_of(maker), act)


def test_a_new_version_is_followed_and_a_pin_is_kept(maker: Maker) -> None:
    """What the learner publishes is served; while pinned, it is not."""

    async def act(live: LiveModel) -> None:
        await until(lambda: serving(live) == 3)
        maker.make()
        await until(lambda: serving(live) == 4)
        maker.point_to(2)
        await until(lambda: serving(live) == 2)
        maker.make()
        assert (await live.synced(10)).latest == 5
        assert serving(live) == 2

    running(live_of(maker), act)


def test_a_version_that_the_gate_refused_is_never_served(maker: Maker) -> None:
    """The pointer does not move to it, so no server does."""

    async def act(live: LiveModel) -> None:
        await until(lambda: serving(live) == 3)
        maker.make(verdict=Verdict(good=False, reason="worse than before"))
        assert (await live.synced(10)).latest == 4
        assert serving(live) == 3

    running(live_of(maker), act)


def test_following_leaves_time_to_answer_but_a_promotion_does_not_wait(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a load the learner's next version waits its turn; what someone asks for is served."""
    monkeypatch.setattr(live_model, "FOLLOWING_SPACING", 1e6)

    async def act(live: LiveModel) -> None:
        await until(lambda: serving(live) == 3)
        maker.make()
        await asyncio.sleep(20 * POLL)
        assert serving(live) == 3
        maker.point_to(1)
        await until(lambda: serving(live) == 1)

    running(live_of(maker), act)


def test_no_copy_of_a_snapshot_stays_behind(maker: Maker) -> None:
    """Models are loaded from private copies, which are gone once they are loaded."""

    async def act(live: LiveModel) -> None:
        for version in (1, 2, 3):
            maker.point_to(version)
            await live.synced(10)

    running(live_of(maker), act)
    names = {path.name for path in maker.store.folder.iterdir()}
    assert names == {v.snapshot.folder for v in maker.registry.versions.all()}


def test_river_is_served_alike(tmp_path: Path) -> None:
    """The fallback learner's versions are loaded, tried and swapped by the same path."""
    project = Project(tmp_path / "river", kind="river", args="")
    with maker_of(project) as maker:
        for _ in range(2):
            maker.make()

        async def act(live: LiveModel) -> None:
            for version in (2, 1, 2):
                maker.point_to(version)
                await live.synced(10)
                assert scored(live, maker) == (version, maker.scores(version, ROWS))

        running(live_of(maker), act)


def test_a_read_only_store_is_served_from_copies_elsewhere(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica may have the snapshots mounted read-only; it copies into its own home."""
    monkeypatch.setattr("serve.service.os.access", lambda *_: False)
    with client_of(maker.project) as client:
        assert client.post("/predict", json={}).json()["version"] == 3
    assert list((maker.project.settings.home / "copies").iterdir()) == []
