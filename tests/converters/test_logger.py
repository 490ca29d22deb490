"""The log's lines: how they look, and what they never do."""

from __future__ import annotations

import re
from io import StringIO

import pytest

from converters.logger import CONTEXT, Lines, log

WHEN = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def line_of(*, colors: bool = False, **values: object) -> str:
    """A line as it is written, after its time."""
    stream = StringIO()
    Lines(stream, colors=colors)("warning", "row refused", values)
    return stream.getvalue()


def test_a_line_has_time_level_event_and_values_by_name() -> None:
    """What splits at blanks is quoted; numbers and other text stay as they are."""
    line = line_of(rows=3, cause="it's late", place="a/b:1", none=None, empty="")
    assert re.fullmatch(
        rf"{WHEN} \[warning  \] row refused cause=\"it's late\" empty= none=None place=a/b:1 "
        r"rows=3\n",
        line,
    )


def test_a_terminal_has_the_same_line_in_colors() -> None:
    """Without the escape sequences nothing differs."""
    colored = line_of(colors=True, rows=3)
    assert "\x1b[33m\x1b[1mwarning  \x1b[0m" in colored
    plain = re.sub(r"\x1b\[\d+m", "", colored)
    assert plain.split(" ", 1)[1] == line_of(rows=3).split(" ", 1)[1]


def _fail(text: str) -> None:
    raise ValueError(text)


def test_no_line_of_a_traceback_looks_like_one_of_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It follows its line, indented, whatever the exception quotes."""
    forged = "2026-11-30T00:00:00.000000Z [info     ] all is well"
    try:
        _fail(f"bad\n{forged}")
    except ValueError:
        log.exception("bug", method="GET")
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.endswith("[error    ] bug method=GET")
    assert f"    {forged}" in rest
    assert all(line.startswith("    ") for line in rest)


def test_a_context_adds_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    """Such as the id of the request that is being answered; a line's own values go before them."""
    token = CONTEXT.set({"request_id": "r-1", "model": "other"})
    try:
        log.info("scored", model="mine")
    finally:
        CONTEXT.reset(token)
    log.info("idle")
    scored, idle = capsys.readouterr().err.splitlines()
    assert scored.endswith("scored model=mine request_id=r-1")
    assert idle.endswith("[info     ] idle")
