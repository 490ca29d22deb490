"""The worst bodies for every route, media type and limit: nobody else waits, memory stays flat."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from tests.faults.http.attack import MEBIBYTE, Attacked, attacked, by_group
from tests.faults.http.corpus import all_cases

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

GROUPS = by_group(all_cases())


@pytest.fixture(scope="module")
def under_attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A server and its probe."""
    with attacked(tmp_path_factory.mktemp("bodies")) as found:
        yield found


PENDING = pytest.mark.xfail(run=False, reason="the server still builds all errors of a body")


@pytest.mark.parametrize(
    "group", [group if group == "GET" else pytest.param(group, marks=PENDING) for group in GROUPS]
)
def test_a_bad_body_keeps_nobody_waiting(
    under_attack: Attacked, group: str, record_property: Callable[[str, object], None]
) -> None:
    """The worst requests have their right answers, and others wait 100 ms for theirs at most."""
    outcomes = [under_attack.try_case(case, MEBIBYTE) for case in GROUPS[group]]
    record_property("gap", max(each.gap for each in outcomes))
    assert {each.case.name: each.trouble for each in outcomes if each.trouble} == {}
