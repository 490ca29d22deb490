"""The worst bodies for every route, media type and limit: nobody else waits, memory stays flat."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.http.attack import ROUNDS, Attacked, attacked, by_group, wrong_with
from tests.faults.http.case import Case
from tests.faults.http.corpus import all_cases
from tests.faults.http.exchange import exchange
from tests.faults.http.probe import LONGEST_GAP

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# `make faults ARGS=http` also sends what is generated, and everything at its largest.
GROUPS = by_group([case for case in all_cases() if not case.generated])
# Above the largest row, and large enough to hold up for seconds a server that takes quadratic time.
SOME, LARGEST = 160 * 2**10, 8 * 2**20
# The samples with which the server was once held up: 5.7 s, minutes, 6.9 s, 4.5 s.
SAMPLES = ("commas", "unknown keys", "rows of 70 unknown keys", "objects in lists in objects")
# What the allocator may keep, in MiB.
MOST_GROWTH = 48


@pytest.fixture(scope="module")
def under_attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A server and its probe."""
    with attacked(tmp_path_factory.mktemp("bodies")) as found:
        yield found


@pytest.mark.parametrize("group", GROUPS)
def test_a_bad_body_keeps_nobody_waiting(
    under_attack: Attacked, group: str, record_property: Callable[[str, object], None]
) -> None:
    """The worst requests have their right answers, and others wait 100 ms for theirs at most."""
    outcomes = [under_attack.try_case(case, SOME) for case in GROUPS[group]]
    record_property("gap", max(each.gap for each in outcomes))
    assert {each.case.name: each.trouble for each in outcomes if each.trouble} == {}


def samples() -> list[Case]:
    """The samples; ``make faults ARGS=http`` sends all of the corpus so large."""
    cases = [case for case in all_cases() if case.name in SAMPLES and not case.chunk]
    return [case for case in cases if case.path == "/predict"]


def test_the_largest_bodies_keep_nobody_waiting(under_attack: Attacked) -> None:
    """8 MiB of what once held the server up, one after the other: 100 ms for others at most."""
    outcomes = [under_attack.try_case(case, LARGEST) for case in samples()]
    assert {each.case.name: each.trouble for each in outcomes if each.trouble} == {}


def test_the_largest_bodies_at_once_keep_nobody_waiting(under_attack: Attacked) -> None:
    """Many clients send them at the same time: all are answered, others wait 100 ms at most."""
    cases, port = samples(), under_attack.server.port
    bodies = [list(case.parts(LARGEST)) for case in cases]
    gaps, memory = [], []
    for _ in range(ROUNDS):
        under_attack.probe.begin()
        with ThreadPoolExecutor(len(cases)) as pool:
            got = pool.map(lambda parts: exchange(port, parts), bodies)
            wrong = [wrong_with(case, each) for case, each in zip(cases, got, strict=True)]
        seen = under_attack.probe.end()
        assert (set(wrong), seen.failed) == ({""}, [])
        gaps.append(seen.gap)
        memory.append(under_attack.memory())
        if len(gaps) > 2 and seen.gap <= LONGEST_GAP:
            break
    assert min(gaps) <= LONGEST_GAP
    assert memory[-1] - memory[-2] < MOST_GROWTH
