"""What ``freshet status`` says of a stream time that is ahead of the clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from learners.status import overview
from tests.support.serving.served import a_project, maker_of


@pytest.mark.parametrize(("behind", "warned"), [(-7200.0, True), (-3000.0, False), (9e8, False)])
def test_a_stream_ahead_of_the_clock_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: float, *, warned: bool
) -> None:
    """By more than a log takes; nothing that waits could wait as long as it should."""
    stream = {"time": "2611-05-22T00:00:00.000Z", "behind_seconds": behind, "jump": None}
    monkeypatch.setattr(overview, "_stream", lambda _: stream)
    project = a_project(tmp_path)
    with maker_of(project) as made:
        made.make()
        found = overview.status_document(project.settings)["warnings"]
    texts = [each["text"] for each in found if each["kind"] == "stream-ahead"]
    assert bool(texts) == warned
    assert all("2611-05-22" in text for text in texts)
