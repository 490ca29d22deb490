"""Files and runs for the tests of ``convert --csv2vw``."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter

import pytest
import typer
from typer.testing import CliRunner, Result

from converters.commands import convert as convert_command
from converters.convert.whole_file import Reject
from converters.csv2vw.convert import Lines, convert
from converters.csv2vw.flags_and_layout import Csv2vwError, parse
from converters.errors import FreshetError
from converters.files.compressed import Source
from serve.demo.flights import LATE_MINUTES, MISSING, source
from tests.support.rows.csv2vw_plain import Plain, StoppedError
from tests.support.streams.stepping import Stepping

FLAGS = "-b -l 1 -i 0"
COLUMNS = (
    *("month", "day", "sched_dep_time", "sched_arr_time", "carrier", "flight", "tailnum"),
    *("origin", "dest", "distance", "hour", "minute"),
)


def flights(rows: int | None = None) -> bytes:
    """The first flights of the package that arrived, or all, in its order, as CSV."""
    return "".join(islice(_flights(), None if rows is None else rows + 1)).encode()


def _flights() -> Iterator[str]:
    yield f"id,late,{','.join(COLUMNS)}\n"
    with zipfile.ZipFile(source()) as archive, archive.open("flights.csv") as content:
        table = csv.reader(io.TextIOWrapper(content, "utf-8", newline=""))
        header = next(table)
        delay, cells = header.index("arr_delay"), itemgetter(*map(header.index, COLUMNS))
        arrived = (row for row in table if row[delay] != MISSING)
        for number, row in enumerate(arrived):
            yield f"{number},{int(int(row[delay]) > LATE_MINUTES)},{','.join(cells(row))}\n"


def fast(
    content: bytes,
    flags: str,
    *,
    lenient: bool = False,
    most: int = 2**20,
    rejects: list[Reject] | None = None,
) -> bytes:
    """What the product prints; with ``rejects`` refused rows go there."""
    lines = Lines(Source(Stepping(content, most)), "a file", lenient=lenient)
    out = io.BytesIO()
    reject = None if rejects is None else rejects.extend
    convert(lines, parse(flags), out, reject, lambda _count: None, lenient=lenient)
    return out.getvalue()


def plain(content: bytes, flags: str) -> tuple[bytes, bool]:
    """What csv2vw prints, and whether it goes through to the end."""
    printed = io.StringIO()
    source = io.TextIOWrapper(io.BytesIO(content), "utf-8")
    try:
        for line in Plain(flags).lines(source):
            printed.write(line)
    except StoppedError:
        return printed.getvalue().encode(), False
    return printed.getvalue().encode(), True


def run(content: bytes, flags: str | None, *more: str) -> Result:
    """Convert standard input; an error of ours is raised."""
    app = typer.Typer()
    app.command()(convert_command.convert)
    arguments = ["-", *more, *([] if flags is None else ["--csv2vw", flags])]
    result = CliRunner().invoke(app, arguments, input=content)
    if isinstance(result.exception, FreshetError):
        raise result.exception
    return result


def refused(content: bytes, flags: str = FLAGS) -> str:
    """The paragraph with which a file is refused."""
    with pytest.raises(Csv2vwError) as caught:
        run(content, flags)
    assert caught.value.exit_status == 1
    assert "\n" not in str(caught.value)
    return str(caught.value)
