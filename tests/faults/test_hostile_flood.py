"""A topic flooded with garbage, and records larger than any limit: bounded, in linear time.

Learners are real processes; their peak memory is what the kernel says of them (``VmHWM``).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stream.log.contract import MAX_RECORD_BYTES, Outgoing, Place, Record, RecordTooLargeError
from stream.process_control import collected_by_hand
from stream.reading.conversion import record_reader
from tests.support import ROOT
from tests.support.serving.project import Project

# What a record of nonsense has in the short form; in the long one it is the largest there is.
SOME_BYTES = 2**18
# A learner that has seen nothing but a few rows takes some 120 MB; the buffers of a partition hold
# 8 MiB, a batch 16 MiB, and a record of 16 MiB is held some ten times over while it is read.
PEAK_MEBIBYTES = 512
# 16 MiB of JSON are parsed whole: five million empty objects of 64 bytes, and a list of them.
LARGEST_PEAK_MEBIBYTES = 1024
START = 1_357_016_400_000
GOOD = b"%d,1357016400,1,AX,JFK,3,100,"
GARBAGE = (
    *(b"too,few", b"", b"%d,1357016400,1,AX,JFK,3,inf,", b"%d,yesterday,1,AX,JFK,3,1,"),
    *(b"%d,1357016400,maybe,AX,JFK,3,1,", b"\xff%d,1357016400,1,AX,JFK,3,1,", b"%d,,1,A\rX,J,3,1,"),
)
FLOOD, LONG_FLOOD, EACH = 30_000, 400_000, 500

# One record of so many bytes, for each way to be a nuisance.
GIANTS: dict[str, Callable[[int], bytes]] = {
    "newlines": lambda size: b"\n" * size,
    "commas": lambda size: b"," * size,
    "quotes": lambda size: b'"' * (size + size % 2 + 1),
    "closed quotes": lambda size: b'"' * (size - size % 2),
    "quoted newlines": lambda size: b'"\n"' * (size // 3),
    "bare quotes": lambda size: b"a" + b'"' * size + b",,,,,,,",
    "short rows": lambda size: b"a\n" * (size // 2),
    "valid rows": lambda size: b",,,,,,,\n" * (size // 8),
    "colons": lambda size: (b"x,1357016400,1,AX,JFK,3," + b":" * 100 + b",\n") * (size // 130),
    "digits": lambda size: b"x,1357016400,1,AX,JFK,3," + b"1" * size + b"x,",
    "tiny numbers": lambda size: b"x,1357016400,1,AX,JFK,3,0.00001,\n" * (size // 33),
    "one cell": lambda size: b"x,1357016400,1," + b" " * size + b",JFK,3,1,",
    "brackets": lambda size: b"[" * size,
    "key": lambda size: b'{"' + b'\\"' * (size // 2) + b'": 1}',
    "objects": lambda size: b"[" + b"{}," * (size // 3) + b"{}]",
    "lists": lambda size: b"[" + b"[]," * (size // 3) + b"[]]",
}


def peak(project: Project) -> tuple[dict[str, Any], float]:
    """Run the learner to the end; its report and the most memory it had, in MiB."""
    probe = (
        "import atexit, re, sys, serve.cli;"
        "atexit.register(lambda: sys.stderr.write(open('/proc/self/status').read()));"
        "sys.argv = 'freshet learn --until-end --max-rejected 1 --json'.split(); serve.cli.main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not run.returncode, run.stderr[-2000:]
    found = re.search(r"VmHWM:\s*(\d+) kB", run.stderr)
    assert found is not None
    return json.loads(run.stdout), int(found[1]) / 1024


def flood(project: Project, count: int) -> int:
    """Records of garbage and a good row every thousand; how many good ones there are."""
    good = 0
    for start in range(0, count, EACH):
        rows = [GARBAGE[n % len(GARBAGE)].replace(b"%d", b"%d" % n) for n in range(EACH)]
        if not start % 1000:
            rows[EACH // 2] = GOOD % start
            good += 1
        project.append(b"\n".join(rows) + b"\n", time=START + start)
    return good


def check_flood(folder: Path, count: int) -> None:
    """Everything refused is a dead letter, everything good is learned, memory is bounded."""
    project = Project(folder)
    good = flood(project, count)
    report, mebibytes = peak(project)
    assert report["events"] == count
    assert report["learned"] == good
    letters = [(letter.offset, letter.row) for letter in project.dead_letters()]
    assert len(letters) == len(set(letters)) == report["rejected"] == count - good
    assert mebibytes < PEAK_MEBIBYTES, mebibytes


def test_a_flood_of_garbage_is_taken_row_by_row(tmp_path: Path) -> None:
    """30,000 refused rows with a good one here and there."""
    check_flood(tmp_path / "p", FLOOD)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_large_flood_takes_no_more_memory(tmp_path: Path) -> None:
    """400,000 refused rows stay under the memory bound of 30,000."""
    check_flood(tmp_path / "p", LONG_FLOOD)


def giants(folder: Path, size: int, most: int) -> None:
    """Records of every kind and of so many bytes, each followed by a good one."""
    project = Project(folder)
    for number, make in enumerate(GIANTS.values()):
        project.append(make(size - 200), GOOD % number, time=START + number)
    report, mebibytes = peak(project)
    learned = {score.id for score in project.scores()}
    assert {str(number) for number in range(len(GIANTS))} <= learned
    refused = {letter.offset for letter in project.dead_letters()}
    whole = {"valid rows", "tiny numbers", "one cell", "objects"}
    bad = {2 * number for number, name in enumerate(GIANTS) if name not in whole}
    assert bad <= refused
    assert report["rejected"] == len(project.dead_letters())
    assert mebibytes < most, mebibytes


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_records_of_nonsense_hold_nothing_up(tmp_path: Path) -> None:
    """Separators, quotes, line feeds, brackets: the good row behind each is learned."""
    giants(tmp_path / "p", SOME_BYTES, PEAK_MEBIBYTES)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_largest_records_of_nonsense_hold_nothing_up(tmp_path: Path) -> None:
    """The largest records that a log takes, full of nonsense: the good row behind is learned."""
    giants(tmp_path / "p", MAX_RECORD_BYTES, LARGEST_PEAK_MEBIBYTES)


@pytest.mark.long  # it is timed, and other tests beside it take their share
@pytest.mark.parametrize("name", GIANTS)
def test_reading_nonsense_takes_linear_time(tmp_path: Path, name: str) -> None:
    """Reading nonsense is linear: four times the bytes take about four times as long, not 16."""
    project = Project(tmp_path)
    place = Place(project.topics().events, 0)

    def seconds(size: int) -> float:
        record = Record(place, 0, START, GIANTS[name](size))
        reader = record_reader(project.context)
        times = []
        with collected_by_hand():
            for _ in range(3):
                began = time.process_time()
                reader.read([record])
                times.append(time.process_time() - began)
        return min(times)

    # Both with fewer rows than a record may have, from which on another road is taken.
    small, large = seconds(2**14), seconds(2**16)
    assert large < 10 * small + 0.1


def test_a_record_larger_than_the_limit_is_refused_when_sent(tmp_path: Path) -> None:
    """At append: nothing of the call is kept, the limit is named, and the stream goes on."""
    project = Project(tmp_path)
    events = project.topics().events
    with project.open_log() as log:
        for records in ([Outgoing(b"a" * (MAX_RECORD_BYTES + 1))], [Outgoing(GOOD % 1)] * 2):
            if len(records[0].value) > MAX_RECORD_BYTES:
                with pytest.raises(RecordTooLargeError, match="16,777,216"):
                    log.append(events, [Outgoing(GOOD % 0), *records])
            else:
                log.append(events, records)
    report = project.learn()
    assert (report["events"], report["learned"], report["duplicates"]) == (2, 1, 1)
