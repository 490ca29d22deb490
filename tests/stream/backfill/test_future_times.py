"""``freshet backfill FILE`` of a row whose time no log takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.log.contract import StampError
from tests.support.serving.project import Project, flights


@pytest.mark.parametrize("options", [{}, {"label_delay": 5.0}])
def test_a_time_ahead_of_the_clock_is_refused(tmp_path: Path, options: dict[str, float]) -> None:
    """As when it is produced, with its line: a version of the year 2611 would expire all rows."""
    project = Project(tmp_path)
    rows = flights(30)
    rows[29][1] = "2611-05-22T10:51:35"
    with pytest.raises(StampError, match=r"line 31, column 'at': .*2611-.* is not a time that the"):
        project.backfill(project.write_csv(rows), **options)
