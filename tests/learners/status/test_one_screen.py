"""What the screen of ``freshet status`` says of measures and warnings, made in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from learners.registry.requests.offset_ranges import OffsetRanges
from learners.status.one_screen import screen
from learners.status.overview import status_document
from tests.learners.status.test_status import beat, beat_before, line
from tests.support.serving.served import Maker, a_project, maker_of, replaying

FAR = {"rollback": 1, "rows": 1200, "of": 5000, "share": 0.2499, "seconds_left": 90.5}


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[Maker]:
    """A learner that has made a version."""
    with maker_of(a_project(tmp_path)) as made:
        made.make()
        yield made


def test_figures_beside_a_pinned_version_are_said_to_be_whose_they_are(changing: Maker) -> None:
    """The pinned version's own with their count, once there are any, and apart the learner's."""
    changing.make()
    window = {"count": 50, "log_loss": 0.5, "base_rate_log_loss": 0.6, "auc": None}
    beat(changing, metrics={"window": window})
    changing.registry.serving.pin("rollback", 1, "two rejects everybody", "me@here")
    screen = screen_of(changing)
    assert line(screen, "Measured").startswith("version 1: not measured: It was pinned after")
    assert "           the learner, not served: log loss 0.500 against 0.600" in screen
    pinned = {"window": window | {"count": 7, "log_loss": 0.4}}
    metrics = {"window": window, "contenders": {"pinned": pinned}}
    beat(changing, metrics=metrics, pinned={"version": 1, "trouble": ""})
    assert line(screen_of(changing), "Measured") == (
        "version 1: log loss 0.400 against 0.600 of the base rate, over the newest 7 labels"
    )
    found = status_document(changing.project.settings)
    assert [found[of]["count"] for of in ("served_measures", "measures")] == [7, 50]
    none = {"window": {"count": 0}}
    metrics = {"window": window, "contenders": {"pinned": none}}
    beat(changing, metrics=metrics, pinned={"version": 1, "trouble": ""})
    assert "not measured: no label of an event since its pin" in screen_of(changing)


@pytest.mark.parametrize(("count", "loss", "warned"), [(30, 0.7, 1), (29, 0.7, 0), (30, 0.64, 0)])
def test_a_pinned_version_that_is_far_worse_than_the_base_rate_is_a_warning(
    changing: Maker, count: int, loss: float, warned: int
) -> None:
    """No gate looks out for it; on few labels it may be chance."""
    changing.registry.serving.pin("rollback", 1, "a try", "me@here")
    window = {"count": count, "log_loss": loss, "base_rate_log_loss": 0.6, "auc": None}
    metrics = {"contenders": {"pinned": {"window": window}}}
    beat(changing, metrics=metrics, pinned={"version": 1, "trouble": ""})
    warnings = status_document(changing.project.settings)["warnings"]
    assert [warning["kind"] for warning in warnings] == ["pinned-worse"] * warned


def screen_of(maker: Maker) -> str:
    """What the command prints, made in this process."""
    return "\n".join(screen(status_document(maker.project.settings)))


def test_what_helps_is_what_the_warning_says(changing: Maker) -> None:
    """Where the learner knows the cause, the arrow has its advice, and no other beside it."""
    helps = "The record a:0:1 moved stream time."
    beat(changing, expiry_trouble=f"9 of 9 events expired. {helps}", expiry_advice=helps)
    (warning,) = status_document(changing.project.settings)["warnings"]
    assert (warning["text"], warning["do"]) == ("9 of 9 events expired.", helps)


def test_a_replay_says_how_far_it_is(changing: Maker) -> None:
    """With what is in quarantine; that needs nobody, and a learner that is gone is waited for."""
    asked = "asked by ann@zz-host: poison"
    replaying(changing)
    beat(changing, catching_up=FAR)
    screen = screen_of(changing)
    assert line(screen, "Rollback") == (
        "1: the learner goes back to version 1, replaying: 1,200 of 5,000 rows (24 %), 90 seconds "
        f"left; {asked}"
    )
    assert line(screen, "Quarantine") == "1: 5 offsets, by ann@zz-host: poison"
    assert status_document(changing.project.settings)["warnings"] == []
    beat(changing, catching_up=FAR, alive=False)
    assert line(screen_of(changing), "Rollback").endswith(
        f"{asked}; it goes on with the learner's next start"
    )
    beat_before(changing, 60, catching_up=FAR)
    assert "replaying: 1,200 of 5,000 rows (24 %); asked" in screen_of(changing)
    beat(changing, catching_up=FAR | {"rollback": 7})
    assert "version 1, replaying; asked by" in screen_of(changing)


def test_corrected_rows_are_counted(changing: Maker) -> None:
    """Of each quarantine; in the document too, also where there are none."""
    quarantines = changing.registry.quarantines
    for number in (3, 8):
        held = OffsetRanges.parse(f"flights.events:0:{number}")
        quarantines.add({}, held, "bad", "ann")
    quarantines.corrected(1, 12, 12, "ann")
    assert line(screen_of(changing), "Quarantine") == (
        "1: 1 offset (12 rows of it corrected), by ann: bad; 2: 1 offset, by ann: bad"
    )
    document = status_document(changing.project.settings)
    assert [each["corrected"] for each in document["quarantines"]] == [12, 0]


def test_many_quarantines_are_named_in_part(changing: Maker) -> None:
    """The newest ones; removed ones are in none."""
    for number in range(7):
        held = OffsetRanges.parse(f"flights.events:0:{number}")
        changing.registry.quarantines.add({}, held, f"bad {number}", "ann")
    changing.registry.quarantines.remove(7, "good", "ann")
    shown = line(screen_of(changing), "Quarantine")
    assert shown.startswith("3: 1 offset, by ann: bad 2; 4: ")
    assert shown.endswith("; 2 more")


def test_a_long_text_ends_with_a_sentence(changing: Maker) -> None:
    """No sentence is cut in its middle, unless the first is too long by itself."""
    sentence = f"It {'is so ' * 20}long. "
    beat(changing, labels_trouble=sentence * 4)
    shown = screen_of(changing).splitlines()[1]
    assert shown == f"! {sentence * 2}(More with --json.)"
    beat(changing, labels_trouble="word " * 100)
    assert screen_of(changing).splitlines()[1].endswith("word … (More with --json.)")
