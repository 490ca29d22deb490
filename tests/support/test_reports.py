"""What a worker reports reaches the process that prints it."""

from __future__ import annotations

import execnet

from tests.conftest import sendable


def test_a_report_with_half_a_surrogate_pair_can_be_sent() -> None:
    """It arrives with an escape in its place, at any depth, and all else as it was."""
    report = {"longrepr": ["a \udc00", ("é", 1, None)], "sections": [("\ud800", {"\n": True})]}
    arrived = execnet.loads(execnet.dumps(sendable(report)))
    assert arrived == {
        "longrepr": ["a \\udc00", ("é", 1, None)],
        "sections": [("\\ud800", {"\n": True})],
    }
