"""Idempotency keys: the first answer is the only one, for a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from learners.registry import Registry
from learners.registry.errors import PostConflictError, PostInProgressError
from learners.registry.row_types import StoredResponse
from serve.live import repeated_requests
from serve.live.repeated_requests import ABANDONED, KEPT, RepeatedRequests
from tests.support.learning.registry_samples import Clock, registry_at

ANSWER = StoredResponse(202, b'{"positions": [[0, 7]]}')


@pytest.fixture
def clock() -> Clock:
    """A clock that the test can put forward."""
    return Clock()


@pytest.fixture
def registry(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    """An empty registry on that clock."""
    with registry_at(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def posts(registry: Registry) -> RepeatedRequests:
    """The answered requests of that registry."""
    return RepeatedRequests(registry.database)


def test_a_repeated_request_gets_the_first_answer(posts: RepeatedRequests) -> None:
    """The second time the stored answer comes back byte for byte."""
    assert posts.begin("key", "a" * 64) is None
    posts.finish("key", ANSWER)
    assert posts.begin("key", "a" * 64) == ANSWER
    assert posts.begin("other key", "a" * 64) is None


def test_a_key_is_for_one_request_only(posts: RepeatedRequests) -> None:
    """Another request under the same key is refused, answered or not."""
    posts.begin("key", "a" * 64)
    with pytest.raises(PostConflictError, match="use a new key"):
        posts.begin("key", "b" * 64)
    posts.finish("key", ANSWER)
    with pytest.raises(PostConflictError):
        posts.begin("key", "b" * 64)


def test_a_request_being_answered_is_not_begun_again(posts: RepeatedRequests, clock: Clock) -> None:
    """It is in progress until answered; one that nobody can be answering any more begins anew."""
    posts.begin("key", "a" * 64)
    with pytest.raises(PostInProgressError):
        posts.begin("key", "a" * 64)
    clock.now += ABANDONED
    assert posts.begin("key", "a" * 64) is None
    with pytest.raises(PostInProgressError):
        posts.begin("key", "a" * 64)


def test_a_request_that_came_to_nothing_may_be_sent_again(posts: RepeatedRequests) -> None:
    """Forgotten keys are free at once."""
    posts.begin("key", "a" * 64)
    posts.forget("key")
    assert posts.begin("key", "b" * 64) is None


def test_keys_are_kept_for_a_day_and_then_let_go(
    registry: Registry, posts: RepeatedRequests, clock: Clock
) -> None:
    """After 24 hours a key is free, and every row as old is gone from the table."""
    for number in range(5):
        posts.begin(f"key {number}", "a" * 64)
        posts.finish(f"key {number}", ANSWER)
    clock.now += KEPT - timedelta(minutes=1)
    assert posts.begin("key 0", "a" * 64) == ANSWER
    clock.now += timedelta(minutes=2)
    assert posts.begin("key 0", "b" * 64) is None
    with registry.database.read() as look:
        (rows,) = look.connection.exec_driver_sql("SELECT count(*) FROM posts").one()
    assert rows == 1


def test_models_do_not_share_keys(tmp_path: Path, posts: RepeatedRequests) -> None:
    """The same key is another one for another model."""
    posts.begin("key", "a" * 64)
    with registry_at(tmp_path, "other") as other:
        assert RepeatedRequests(other.database).begin("key", "b" * 64) is None


def held(registry: Registry) -> tuple[int, int]:
    """How many keys the registry holds, and the bytes of their answers."""
    with registry.database.read() as look:
        keys, size = look.connection.exec_driver_sql(
            "SELECT count(*), sum(length(body)) FROM posts"
        ).one()
    return keys, size


@pytest.mark.parametrize(("bound", "most"), [("MOST_KEYS", 10), ("MOST_BYTES", 300)])
def test_answers_are_bounded_and_the_oldest_forgotten(
    registry: Registry,
    posts: RepeatedRequests,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    most: int,
) -> None:
    """By number and by bytes; the newest are still answered, the oldest may be sent anew."""
    monkeypatch.setattr(repeated_requests, "COUNTED_KEYS", 1, raising=False)
    monkeypatch.setattr(repeated_requests, bound, most, raising=False)
    for number in range(30):
        clock.now += timedelta(seconds=1)
        posts.begin(f"key {number}", "a" * 64)
        posts.finish(f"key {number}", ANSWER)
    assert held(registry)[bound == "MOST_BYTES"] <= most
    assert posts.begin("key 29", "a" * 64) == ANSWER
    assert posts.begin("key 0", "a" * 64) is None


def test_a_long_answer_is_kept_short_and_given_byte_for_byte(
    registry: Registry, posts: RepeatedRequests
) -> None:
    """It is compressed; what older code kept as it was is still read."""
    long = StoredResponse(202, b'{"positions": [' + b'{"offset": 12345}, ' * 10_000 + b"]}")
    posts.begin("key", "a" * 64)
    posts.finish("key", long)
    assert held(registry)[1] < len(long.body) / 10
    assert posts.begin("key", "a" * 64) == long
    with registry.database.write() as change:
        change.connection.exec_driver_sql("UPDATE posts SET body = ?", (ANSWER.body,))
    assert posts.begin("key", "a" * 64) == ANSWER
