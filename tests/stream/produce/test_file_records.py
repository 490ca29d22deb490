"""A file as records: what shares a record, when labels are known, and what is refused."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from converters.errors import UsageError
from converters.files.csv_file import CsvFileError, open_csv
from stream.produce.file_records import Formed, History, HistoryOptions
from tests.support.serving.project import Project, csv_text, flights

HEADER = ("id", "at", "late", "carrier", "origin", "hour", "distance", "landed")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Its schema and its folder."""
    return Project(tmp_path / "p")


def formed(project: Project, text: str | bytes, **options: object) -> list[Formed]:
    """The records of a file with this content."""
    path = project.folder / "file.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with open_csv(str(path)) as file:
        asked = HistoryOptions(**options)  # type: ignore[arg-type]
        return list(History(file, project.schema, asked).records())


def row(id_: str, at: int, label: str = "1", landed: object = "") -> list[str]:
    """A row that lands when it says."""
    return [id_, str(at), label, "AX", "JFK", "3", "100", str(landed)]


BASE = 1_357_000_000


def test_rows_with_their_labels_share_a_record_stamped_by_the_last(project: Project) -> None:
    """A record of N rows is known when its last row is."""
    rows = [row(str(n), BASE + n) for n in range(5)]
    records = formed(project, csv_text(rows), rows_per_message=2)
    assert [f.rows for f in records] == [2, 2, 1]
    assert [f.record.time for f in records] == [(BASE + n) * 1000 for n in (1, 3, 4)]
    assert not any(f.labels for f in records)


def test_rows_are_passed_on_as_they_are(project: Project) -> None:
    """Good or bad, a row's bytes reach the log unchanged."""
    bad = b'x,1,2\n"quoted, ""here""",1357000000,1,AX,JFK,3,100,\n\xff\xfe,,,\n\ninf,,,,,,,\n'
    records = formed(project, ",".join(HEADER).encode() + b"\n" + bad)
    assert b"\n".join(f.record.value for f in records) == bad.removesuffix(b"\n")


def test_a_late_label_comes_at_its_own_time_and_leaves_the_row(project: Project) -> None:
    """The event holds an empty label cell; the label record holds id and label."""
    rows = [row("a", BASE, "1", BASE + 60), row("b", BASE + 30, "0", BASE + 40)]
    records = formed(project, csv_text(rows), label_time="landed")
    assert [(f.labels, f.record.time, f.record.value.split(b",")[0]) for f in records] == [
        (False, BASE * 1000, b"a"),
        (False, (BASE + 30) * 1000, b"b"),
        (True, (BASE + 40) * 1000, b"b"),
        (True, (BASE + 60) * 1000, b"a"),
    ]
    assert [f.record.value.split(b",")[2] for f in records if not f.labels] == [b"", b""]
    assert [f.record.value for f in records if f.labels] == [b"b,0", b"a,1"]


def test_rows_share_a_record_only_if_their_times_are_equal(project: Project) -> None:
    """With late labels a record's time is the time of each of its rows, and labels come first."""
    rows = [row(i, BASE + t, "1") for i, t in (("a", 0), ("b", 0), ("c", 60), ("d", 60))]
    records = formed(project, csv_text(rows), label_delay=60.0)
    assert [(f.labels, f.rows, f.record.time) for f in records] == [
        (False, 2, BASE * 1000),
        (True, 2, (BASE + 60) * 1000),
        (False, 2, (BASE + 60) * 1000),
        (True, 2, (BASE + 120) * 1000),
    ]


def test_scored_ahead_means_known_earlier(project: Project) -> None:
    """The event's record is stamped ahead of its time; its label keeps its own."""
    records = formed(project, csv_text([row("a", BASE)]), label_delay=10.0, score_ahead=3600.0)
    assert [f.record.time for f in records] == [(BASE - 3600) * 1000, (BASE + 10) * 1000]


def test_a_label_is_never_known_before_its_event(project: Project) -> None:
    """A landing before departure is stamped with the departure."""
    records = formed(project, csv_text([row("a", BASE, "1", BASE - 50)]), label_time="landed")
    assert {f.record.time for f in records} == {BASE * 1000}


def test_a_file_out_of_order_is_refused_at_the_first_row(project: Project) -> None:
    """With late labels the line and the number of rows before it are named."""
    rows = [row("a", BASE), row("b", BASE + 9), row("c", BASE + 5)]
    with pytest.raises(CsvFileError, match=r"line 4.*sorted.*2 rows"):
        formed(project, csv_text(rows), label_delay=1.0)


@pytest.mark.parametrize(
    ("landed", "said"), [("soon", "holds soon, which is no time"), ("", "is empty")]
)
def test_a_label_without_its_time_is_refused(project: Project, landed: str, said: str) -> None:
    """Nobody can say when it was known."""
    with pytest.raises(
        CsvFileError, match=rf"line 2.*'landed', which says when .* was known, {said}\."
    ):
        formed(project, csv_text([row("a", BASE, "1", landed)]), label_time="landed")


def test_rows_one_cell_longer_than_the_header_are_not_sent(project: Project) -> None:
    """The learner would refuse them all: produce stops as init and check do, with the command."""
    rows = [[f"{n}", *row(str(n), BASE + n, landed="x")] for n in range(5)]
    header, *lines = csv_text(rows).splitlines()
    assert header == ",".join(project.schema.names)
    with pytest.raises(CsvFileError, match="Each row has one cell more than the header") as error:
        formed(project, "\n".join([header, *lines]) + "\n")
    found = re.search(r'into "(.*?)": (python3 .*)', str(error.value))
    assert found
    subprocess.run(found[2], shell=True, check=True)
    assert Path(found[1]).read_text().splitlines()[:2] == [f"row,{header}", lines[0]]
    trailing = [
        f"{line}," for line in csv_text([row(str(n), BASE + n) for n in range(5)]).split()[1:]
    ]
    with pytest.raises(CsvFileError, match="Each row ends with a delimiter that the header lacks"):
        formed(project, "\n".join([header, *trailing]) + "\n")


def test_a_few_longer_rows_are_sent_as_they_are(project: Project) -> None:
    """They are refused row by row; their neighbours live."""
    rows = [[*row(str(n), BASE + n), *["more"] * (n > 0)] for n in range(5)]
    assert sum(f.rows for f in formed(project, csv_text(rows))) == 5


def test_rows_without_a_label_yet_send_none(project: Project) -> None:
    """A cancelled flight has no label and needs no landing time."""
    records = formed(project, csv_text([row("a", BASE, "", "")]), label_time="landed")
    assert [f.labels for f in records] == [False]


def test_columns_travel_in_a_header(project: Project) -> None:
    """Each record names its columns, those of the config too: they may be others later."""
    records = formed(project, "late,id,carrier\n1,a,AX\n")
    assert records[0].record.headers == (("columns", b"late,id,carrier"),)
    own = ",".join(project.schema.names).encode()
    assert formed(project, csv_text(flights(1)))[0].record.headers == (("columns", own),)


def test_an_unknown_column_is_refused_by_name(project: Project) -> None:
    """The config must say what a column is for."""
    with pytest.raises(CsvFileError, match="'surprise'"):
        formed(project, "id,surprise\na,b\n")


@pytest.mark.parametrize("header", ["id,late", "late,id"])
def test_labels_alone_are_no_events(project: Project, header: str) -> None:
    """They would be scored of nothing, or drop their labels as duplicates."""
    with pytest.raises(UsageError, match=r"ids and labels alone.* POST /labels.*--label-time"):
        formed(project, f"{header}\n1,1\n")


def test_a_file_in_another_encoding_is_called_so(project: Project) -> None:
    """With the lines for the config, before anything is sent."""
    text = csv_text(flights(20)).replace(",", ";").encode("utf-16")
    with pytest.raises(CsvFileError, match='write encoding = "utf-16", delimiter = ";" in'):
        formed(project, text)


@pytest.mark.parametrize(
    ("header", "options", "named"),
    [
        ("at,late", {"label_delay": 1.0}, "'id'"),
        ("id,late", {"label_delay": 1.0}, "'time'"),
        ("id,at", {"label_delay": 1.0}, "'label'"),
        ("id,at,late", {"label_time": "landed"}, "landed"),
    ],
)
def test_late_labels_need_id_time_and_label(
    project: Project, header: str, options: dict[str, object], named: str
) -> None:
    """What is missing is named before anything is sent."""
    with pytest.raises(UsageError, match=named):
        formed(project, header + "\n", **options)
