"""``convert --csv2vw`` prints what csv2vw does, byte for byte, or refuses."""

from __future__ import annotations

import hashlib
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.convert.whole_file import Reject
from converters.csv2vw import blocks
from converters.csv2vw.flags_and_layout import Csv2vwError
from converters.files.csv_file import CsvFileError
from tests.support.rows.csv2vw_files import FLAGS, fast, flights, plain
from tests.support.rows.csv2vw_plain import numeric

CASES = Path(__file__).parent / "cases"
RUNS = json.loads((CASES / "cases.json").read_text(encoding="utf-8"))
CSV_SHA256 = "9cf4963b56aa5f23e1ca9f873fb0b3e2aad48d8e98db86d8fe8f132f8e6b10ab"
TEXT_SHA256 = "6bf219a5ef8d63c5858d63597d06ce9889570f4fd4a48e85baa19610ab256562"
# The runs whose files would be misread.
REFUSED = {5, 6, 7, 8, 12, 13, 15, 16, 17, 18}
FEATURE = re.compile(r"(?P<name>[^ :|=]+)(?P<sign>[:=])(?P<value>[^ :|]*)")

# Cells on which Python, csv2vw, VW or CSV readers may disagree.
ODD = [
    *("", "0", "00", "0.0", "-0", "1", "+3", ".5", "5.", "1e5", "1E-5", "1e39", "1e-40", "1_000"),
    *("nan", "NaN", "inf", "-Infinity", "NA", "1a", "0x1p3", "9E", " 1", "1 ", "\u00a05", "\u0661"),
    *(
        "x y",
        "a:b",
        "p|q",
        '"q',
        'q"',
        "'t",
        "a=b",
        "%20",
        "\t",
        "\x00",
        "\x1f7",
        "\x0c",
        "é",
        "日",
    ),
    *("\u2028", "\u0085", "\ufeff", "12345678901234567890", ".00000000000000001", "-", "e5", "_1"),
]
CELL = st.sampled_from(ODD) | st.text(
    st.characters(exclude_characters="\n\r,", exclude_categories=["Cs"]), max_size=5
)
# How much of a file comes at once: a block of 2,000 bytes shows that a column hardly repeats.
PIECES = st.sampled_from([7, 2_000, 2**20])
FLAG_SETS = st.sampled_from(
    ["-l 0", "-b -l 0", "-l -1", "-e -l 0", "-H", "-H -b -l 0", "-n -l 0", "-i 0", "-i -1 -l 0 -e"]
)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """CSV files with odd cells here and there; every column has a kind that mostly holds."""
    width = draw(st.integers(1, 5))
    names = ["few", "whole", "float", "word", "text", "odd"]
    kinds = [draw(st.sampled_from(names)) for _ in range(width)]
    odd = draw(st.lists(CELL, min_size=1, max_size=4))
    often = draw(st.sampled_from([0.0, 0.0, 0.002, 0.1]))
    dice = random.Random(draw(st.integers(0, 2**32)))

    def cell(kind: str) -> str:
        if kind == "odd" or dice.random() < often:
            return dice.choice(odd)
        made = {"few": dice.choice("0123"), "whole": str(dice.getrandbits(40))}
        made |= {"float": repr(dice.gauss(0, 1)), "word": f"k{dice.getrandbits(50):x}"}
        made["text"] = "é" * dice.choice([0, 8, 23, 24, 25, 300]) + dice.choice(
            ["", "z", "5", "e5"]
        )
        return made[kind]

    rows = [[cell(kind) for kind in kinds] for _ in range(draw(st.sampled_from([1, 5, 60, 300])))]
    if draw(st.booleans()) and often:
        dice.choice(rows).append("more")
    ending = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    lines = [",".join(f"c{i}" for i in range(width)), *map(",".join, rows)]
    return (ending.join(lines) + draw(st.sampled_from(["", ending]))).encode()


@pytest.mark.parametrize("number", range(len(RUNS)))
def test_runs_of_csv2vw(number: int) -> None:
    """Each recorded run gives its bytes and status, or is refused with the row."""
    run = RUNS[number]
    content = (CASES / run["csv"]).read_bytes()
    if number in REFUSED:
        with pytest.raises(Csv2vwError, match=r"a file, row \d"):
            fast(content, run["args"])
    else:
        assert run["status"] == 0
        assert fast(content, run["args"]) == (CASES / run["stdout"]).read_bytes()


@pytest.mark.parametrize("number", range(len(RUNS)))
def test_the_plain_form_is_csv2vw(number: int) -> None:
    """The stand-in for csv2vw prints what the recorded runs did, and stops where they did."""
    run = RUNS[number]
    printed = plain((CASES / run["csv"]).read_bytes(), run["args"])
    assert printed == ((CASES / run["stdout"]).read_bytes(), run["status"] == 0)


@settings(max_examples=100, deadline=None)
@given(tables(), FLAG_SETS, PIECES)
def test_lenient_is_csv2vw(content: bytes, flags: str, most: int) -> None:
    """Any file gives what csv2vw prints, whatever pieces it comes in."""
    wanted, whole = plain(content, flags)
    if whole:
        assert fast(content, flags, lenient=True, most=most) == wanted
    else:
        with pytest.raises(Csv2vwError):
            fast(content, flags, lenient=True, most=most)


@settings(max_examples=100, deadline=None)
@given(tables(), FLAG_SETS, PIECES)
def test_what_is_not_refused_is_csv2vw(content: bytes, flags: str, most: int) -> None:
    """A file that is taken gives what csv2vw prints."""
    try:
        printed = fast(content, flags, most=most)
    except Csv2vwError:
        return
    assert printed == plain(content, flags)[0]


@settings(max_examples=100, deadline=None)
@given(tables(), PIECES)
def test_what_is_not_refused_can_be_read_back(content: bytes, most: int) -> None:
    """Each printed line holds the cells of its row, and no others."""
    rejects: list[Reject] = []
    try:
        printed = fast(content, "-l 0", most=most, rejects=rejects).decode()
    except Csv2vwError:
        return
    refused = {reject.line for reject in rejects}
    rows = content.decode().replace("\r\n", "\n").removesuffix("\n").split("\n")
    taken = [row.split(",") for at, row in enumerate(rows, 1) if at > 1 and at not in refused]
    lines = printed.removesuffix("\n").split("\n") if printed else []
    for (_label, *cells), line in zip(taken, lines, strict=True):
        features = line.split("|")[1].split(" ")[1:]
        found = [FEATURE.fullmatch(feature) for feature in features]
        kept = [(f"c{i}", c) for i, c in enumerate(cells, 1) if c not in {"", "0"}]
        assert [(m["name"], m["value"]) for m in found if m] == kept
        assert all(m and numeric(m["value"]) is (m["sign"] == ":") for m in found)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=8), st.integers(0, 60))
def test_a_refused_row_leaves_its_neighbours(odd: list[tuple[str, ...]], place: int) -> None:
    """The rows around refused ones give what they give without them."""
    good = [f"t{i},{i % 3},{i},w{i}" for i in range(60)]
    bad = [f"t{i},yes,{','.join(cells)}" for i, cells in enumerate(odd)]
    rows = [*good[:place], *bad, *good[place:]]
    # A first row, so that columns have their kinds.
    content = "\n".join(["i,y,n,w,x", "t,1,2,w,w", *(f"{row},x" for row in good)])
    mixed = "\n".join(["i,y,n,w,x", "t,1,2,w,w", *(f"{row},x" for row in rows)])
    rejects: list[Reject] = []
    assert fast(mixed.encode(), "-i 0 -l 1", rejects=rejects) == fast(content.encode(), "-i 0 -l 1")
    assert len(rejects) == len(bad)


def test_flights() -> None:
    """20,000 flights give what csv2vw prints."""
    content = flights(20_000)
    assert (fast(content, FLAGS), True) == plain(content, FLAGS)


@pytest.mark.parametrize("separator", [";", "::", "é", r"[;,]", r"\s+", "\x1f", r"\|"])
def test_separators_of_whole_blocks(separator: str) -> None:
    """Cells are cut where csv2vw cuts them, many rows at once."""
    stands = {r"[;,]": ";", r"\s+": " \t", r"\|": "|"}.get(separator, separator)
    content = flights(500).replace(b",", stands.encode())
    wanted = plain(content, f"{FLAGS} -s '{separator}'")
    assert (fast(content, f"{FLAGS} -s '{separator}'"), True) == wanted
    assert wanted[0] == plain(flights(500), FLAGS)[0]


def test_without_a_promise_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numpy would write words in another order, rows are printed one by one."""
    monkeypatch.setattr(blocks, "writes_in_order", lambda: False)
    content = flights(500)
    assert (fast(content, FLAGS), True) == plain(content, FLAGS)


@pytest.mark.parametrize("flags", ["-i 0 -l 0", "-i 1 -l 1 -b", "", "-i 0", "-e -l 1", "-n -l -1"])
def test_flags_for_whole_blocks(flags: str) -> None:
    """Any columns may be label and id, or none, or both at once."""
    content = flights(300)
    assert (fast(content, flags, lenient=True), True) == plain(content, flags)


@pytest.mark.long
def test_all_flights() -> None:
    """The year of flights is the known file, and gives the bytes that csv2vw printed for it."""
    content = flights()
    assert hashlib.sha256(content).hexdigest() == CSV_SHA256
    assert hashlib.sha256(fast(content, FLAGS)).hexdigest() == TEXT_SHA256


def test_lone_carriage_returns_end_lines_for_csv2vw() -> None:
    """Files of an old Mac are read when lenient, and refused else."""
    content = b"a,y\r1,0\r\n2,1\r\r3,1\r"
    with pytest.raises(Csv2vwError):
        fast(content, "-l 1")
    for most in (1, 3, 100):
        rejected = content.replace(b"\r\r", b"\r")
        assert fast(rejected, "-l 1", lenient=True, most=most) == plain(rejected, "-l 1")[0]


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    """A line of more than 8 MiB stops the reading."""
    with pytest.raises(CsvFileError, match="8 MiB"):
        fast(b"a,y\n" + b"1" * (9 * 2**20), "-l 1")


def test_classes_beyond_reason_are_refused() -> None:
    """A label column of ever new classes does not fill the memory."""
    content = "x,y\n" + "".join(f"1,k{i}\n" for i in range(100_002))
    with pytest.raises(Csv2vwError, match=r"row 100002.*too-many-classes"):
        fast(content.encode(), "-l 1")
