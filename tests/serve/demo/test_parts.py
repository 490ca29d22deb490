"""The demo's folder and what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from serve.demo import folder as folders
from serve.demo.flights import FLIGHTS
from serve.demo.folder import DemoFolderError, demo_folder, environment
from serve.demo.screen import BARS, Scene, bars, display, line, screen


def window(auc: float, log_loss: float) -> dict[str, float]:
    """The measures of some lessons."""
    return {"count": 10_000, "auc": auc, "log_loss": log_loss, "base_rate_log_loss": 0.548}


EARLY = Scene("http://127.0.0.1:8000", "writing the flights", FLIGHTS)
LATE = Scene(
    "http://127.0.0.1:8000",
    "playing",
    FLIGHTS,
    sent=120_000,
    time=1_368_000_000_000,
    status={
        "lag": {"flights.events:0": 2, "flights.labels:0": 1},
        "events_per_second": 1820.3,
        "learned": 119_000,
        "waiting": 812,
        "metrics": {
            **window(0.731, 0.481),
            "window": window(0.752, 0.472),
            "static": {**window(0.662, 0.523), "window": window(0.613, 0.554)},
        },
    },
    served=34,
    latest=35,
).remembered()


def test_the_line_tells_what_the_screen_shows() -> None:
    """Date, progress, rate, lag, version, and the learner beside base rate and frozen copy."""
    assert line(LATE) == (
        "8 May 2013: 120,000 of 327,346 flights sent, 119,000 learned, 1,820 events/s, lag 3, "
        "version 34, log loss 0.472 (base rate 0.548, frozen 0.554), AUC 0.752 (frozen 0.613)"
    )


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("scene", [EARLY, LATE.remembered()])
def test_the_screen_fits(scene: Scene, width: int) -> None:
    """The screen fits a terminal of 80 columns and 24 lines, with nothing cut off."""
    console = Console(width=width)
    with console.capture() as captured:
        console.print(screen(scene))
    lines = captured.get().splitlines()
    assert len(lines) <= 24
    assert all(len(text) == width for text in lines)
    assert "…" not in captured.get()


def test_the_screen_shows_the_learner_beside_the_others() -> None:
    """Every number that the demo promises is on the screen."""
    console = Console(width=100)
    with console.capture() as captured:
        console.print(screen(LATE))
    shown = captured.get()
    for fact in (
        *("http://127.0.0.1:8000", "8 May 2013", "120,000 of 327,346", "1,820", "3 records"),
        *("34 (newest 35)", "0.472", "0.554", "0.548", "0.752", "0.613", "0.731", "0.662"),
    ):
        assert fact in shown


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=300), st.integers(1, 80))
def test_bars_show_values_at_their_height(values: list[float | None], width: int) -> None:
    """One bar a value, up to the width; blank where there is none, highest where it is highest."""
    drawn = bars(values, 0.0, 1.0, width)
    assert len(drawn) == min(width, len(values))
    if len(values) <= width:
        for bar, value in zip(drawn, values, strict=True):
            assert (bar == " ") == (value is None)
            if value is not None:
                assert bar == BARS[round(value * 7)]


def test_elsewhere_than_on_a_terminal_lines_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """No control characters on a pipe: what is said is said as it is."""
    with display() as shown:
        shown.show(LATE)
        shown.say("The server was killed.")
    assert capsys.readouterr().err == "The server was killed.\n"


def test_the_folder_is_made_afresh_and_nothing_else_is_removed(tmp_path: Path) -> None:
    """What an earlier demo left is gone, and what it did not make stays."""
    with demo_folder(tmp_path) as folder:
        folder.settings.home.mkdir()
        (folder.settings.home / "log.db").touch()
        folder.flights.touch()
        folder.note("learner", "a line")
        mine = folder.path / "notes.txt"
        mine.touch()
    with demo_folder(tmp_path) as folder:
        assert not folder.settings.home.exists()
        assert not folder.flights.exists()
        left = sorted(path.name for path in folder.path.iterdir())
        assert left == ["demo.lock", "freshet.toml", "notes.txt"]
        assert folder.settings.home.is_relative_to(tmp_path / ".freshet" / "demo")


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second is refused while the first runs, and may begin when it has ended."""
    second = demo_folder(tmp_path)
    with demo_folder(tmp_path), pytest.raises(DemoFolderError, match="Another demo runs in"):
        second.__enter__()
    with demo_folder(tmp_path):
        pass


def test_a_learner_that_still_ends_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State is not removed under a learner of an earlier demo."""
    monkeypatch.setattr(folders, "ORPHAN_SECONDS", 0.05)
    with demo_folder(tmp_path) as folder:
        home = folder.settings.home
        home.mkdir()
    with FileLock(home / "learner.lock"):
        with pytest.raises(DemoFolderError, match="still runs"), demo_folder(tmp_path):
            pass
        assert home.exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """Where a file stands in the way the error names the folder."""
    (tmp_path / ".freshet").touch()
    with pytest.raises(DemoFolderError, match="cannot write its folder"), demo_folder(tmp_path):
        pass


def test_the_environment_does_not_reach_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings of the user's own model do not override the demo's, here or in its children."""
    monkeypatch.setenv("FRESHET_LOG", "kafka://example.invalid:9092")
    assert not [name for name in environment() if name.startswith("FRESHET")]
    with demo_folder(tmp_path) as folder:
        assert folder.settings.log.startswith("sqlite:///")
