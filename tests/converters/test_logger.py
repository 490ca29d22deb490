"""The log that is imported at its first line."""

from __future__ import annotations

import subprocess
import sys
from threading import Event, Thread

import pytest

from converters.logger import Log


def ran(code: str) -> subprocess.CompletedProcess[str]:
    """This code in a process of its own, in which nothing is imported yet."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_a_line_before_anything_is_configured_goes_to_standard_error() -> None:
    """What a command prints may be JSON."""
    code = "from converters.logger import log; log.warning('odd', place=1); print('{}')"
    done = ran(code)
    assert done.stdout == "{}\n"
    assert "odd" in done.stderr


def test_the_first_line_does_not_import_rich() -> None:
    """It takes most of the time that structlog takes, and colours nothing here; it can be later."""
    code = (
        "import sys; from converters.logger import log; log.warning('odd', place=1);"
        "assert not [name for name in sys.modules if name.startswith('rich')]; import rich.console"
    )
    assert "odd" in ran(code).stderr


def test_rich_stays_where_it_is_imported_already() -> None:
    """A progress bar may show while the first line is logged."""
    code = (
        "import rich.console; from converters.logger import log; log.warning('odd', place=1);"
        "import rich.table; assert rich.table.Table"
    )
    assert "odd" in ran(code).stderr


def test_no_line_is_written_before_all_is_prepared(capsys: pytest.CaptureFixture[str]) -> None:
    """A second thread, which logs meanwhile, waits."""
    log, begun, goes_on, said = Log(), Event(), Event(), list[str]()

    def prepare() -> None:
        begun.set()
        assert goes_on.wait(10)
        said.append("prepared")

    def second() -> None:
        log.warning("second")
        said.append("logged")

    log.written_by(prepare)
    first = Thread(target=log.ready)
    first.start()
    assert begun.wait(10)
    other = Thread(target=second)
    other.start()
    other.join(0.2)
    assert said == []
    goes_on.set()
    first.join(10)
    other.join(10)
    assert said == ["prepared", "logged"]
    assert "second" in capsys.readouterr().out
