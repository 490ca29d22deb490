"""What the compiled conversion remembers: enough to be fast, and never more than a bound."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from converters.cells.kind import Pieces
from converters.cells.refusal import Refusal, RefusedCellError
from converters.convert.to_vw_text import compile_schema, reference
from converters.pieces import column_memory
from converters.pieces.column_memory import (
    FEW_NEW,
    LONGEST_REMEMBERED,
    CheckedColumn,
    Columns,
)
from tests.support.rows.schemas import FLIGHT, build


class Piece:
    """A piece function that counts how often it is asked, and how much it would have to know."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, cell: str) -> str:
        """The piece of a cell."""
        self.asked += 1
        if cell == "bad":
            raise RefusedCellError("not-a-number", cell)
        return f" a={cell}"


def checked(piece: Piece) -> CheckedColumn:
    """A column with these pieces."""
    return CheckedColumn(0, "a", piece, lambda cells: (list(map(piece, cells)), "", True), piece)


def columns_of(piece: Piece) -> list[Callable[[str], str]]:
    """The one column of a schema, with its memory."""
    return Columns([checked(piece)]).each


def remembered(piece: Piece) -> Callable[[str], str]:
    """A column with a memory."""
    return columns_of(piece)[0]


def test_known_cell_is_not_computed_again() -> None:
    """A piece is made once, however often its cell comes."""
    piece = Piece()
    column = remembered(piece)
    assert {column("x") for _ in range(100)} == {" a=x"}
    assert piece.asked == 1


def test_long_cell_is_not_remembered() -> None:
    """A cell longer than the bound is computed each time."""
    piece = Piece()
    column = remembered(piece)
    for cell in ["x" * LONGEST_REMEMBERED] * 2 + ["x" * (LONGEST_REMEMBERED + 1)] * 2:
        assert column(cell) == f" a={cell}"
    assert piece.asked == 1 + 2


def test_refused_cell_is_refused_each_time() -> None:
    """A refusal is not remembered as a piece, nor does it disturb what is."""
    piece = Piece()
    column = remembered(piece)
    for _ in range(2):
        with pytest.raises(RefusedCellError):
            column("bad")
        assert column("x") == " a=x"
    assert piece.asked == 3


def sizes(cells: Callable[[int], str], count: int) -> tuple[int, int]:
    """The most pieces that a column's memory held over so many cells, and how many were made."""
    piece = Piece()
    columns = columns_of(piece)
    memory = columns[0].__self__  # type: ignore[attr-defined]
    most = 0
    for i in range(count):
        assert columns[0](cells(i)) == f" a={cells(i)}"
        most = max(most, len(memory))
    return most, piece.asked


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory that is full with 64 pieces and looked at first with 8."""
    monkeypatch.setattr(column_memory, "REMEMBERED_PIECES", 64)
    monkeypatch.setattr(column_memory, "FIRST_LOOK", 8)
    monkeypatch.setattr(column_memory, "WATCHED_CELLS", 20)
    monkeypatch.setattr(column_memory, "FIRST_REST", 100)
    monkeypatch.setattr(column_memory, "LONGEST_REST", 400)


@pytest.mark.usefixtures("small")
def test_memory_is_bounded() -> None:
    """However many values a column has, and however they repeat, the bound holds."""
    dice = random.Random(5)
    often = [str(min(int(dice.expovariate(0.05)), 900)) for _ in range(20_000)]
    most, _ = sizes(lambda i: often[i], 20_000)
    assert 64 <= most <= 64 + 20


@pytest.mark.usefixtures("small")
def test_memory_is_bounded_over_all_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many columns share what may be remembered in all."""
    monkeypatch.setattr(column_memory, "ALL_PIECES", 300)
    pieces = [Piece() for _ in range(30)]
    columns = Columns(list(map(checked, pieces))).each
    memories = [column.__self__ for column in columns]  # type: ignore[attr-defined]
    most = 0
    for i in range(2_000):
        for column in list(columns):
            column(str(i // 10))
        most = max(most, sum(map(len, memories)))
    assert most <= 300 + 30 * 20


@pytest.mark.usefixtures("small")
def test_column_of_new_values_is_given_up() -> None:
    """Where no value comes twice, remembering soon stops; each piece is made just once."""
    most, asked = sizes(str, 500)
    assert most <= 8 + 20
    assert asked == 500


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("size", [1, 30])
def test_a_column_that_changes_its_habit_is_noticed(size: int) -> None:
    """One whose cells repeat from now on is remembered again, one whose do no longer is not."""
    piece = Piece()
    columns = Columns([checked(piece)])
    memory = columns.each[0].__self__  # type: ignore[attr-defined]
    cells = [str(n) for n in range(1_500)] + [f"c{n % 5}" for n in range(1_500)]
    for part in (cells, [f"again {n}" for n in range(1_500)]):
        before = piece.asked
        for at in range(0, len(part), size):
            some = part[at : at + size]
            found = columns.pieces[0](some)[0] if size > 1 else [columns.each[0](some[0])]
            assert found == [f" a={cell}" for cell in some]
            assert len(memory) <= 64 + 20 + size
        if part is cells:
            assert piece.asked - before <= 1_500 + 400 + 2 * 5
            assert memory
        else:
            assert not memory


def test_many_new_cells_are_made_together() -> None:
    """Those of a block that are not known, each once; long ones each time."""
    made: list[Sequence[str]] = []

    def pieces(cells: Sequence[str]) -> Pieces:
        made.append(cells)
        return [cell for cell in cells if Piece()(cell)], " a=", True

    columns = Columns([CheckedColumn(0, "a", Piece(), pieces, Piece())])
    cells = [str(n // 3) for n in range(90)]
    for _ in range(2):
        assert columns.pieces[0](cells)[0] == [f" a={cell}" for cell in cells]
    assert len(made) == 1
    assert sorted(made[0]) == sorted(set(cells) - set(map(str, range(FEW_NEW))))
    long = ["x" * LONGEST_REMEMBERED + str(n) for n in range(30)]
    for _ in range(2):
        assert columns.pieces[0](long)[0] == [f" a={cell}" for cell in long]
    assert made[1:] == [long, long]


@pytest.mark.usefixtures("small")
def test_column_of_many_rare_values_is_given_up_when_full() -> None:
    """Where the bound is too small to know every other cell, remembering stops as well."""
    dice = random.Random(5)
    cells = [str(dice.randrange(200)) for _ in range(5_000)]
    most, asked = sizes(lambda i: cells[i], 5_000)
    assert 64 <= most <= 64 + 20
    assert asked > 4_500


@pytest.mark.usefixtures("small")
def test_column_in_order_is_remembered_as_it_goes() -> None:
    """Values that come in runs, such as times, are each computed once, though all are many."""
    most, asked = sizes(lambda i: str(i // 40), 8_000)
    assert 64 <= most <= 64 + 20
    assert asked <= 8_000 / 40 + 8


@pytest.mark.usefixtures("small")
def test_conversion_is_the_same_whatever_is_remembered() -> None:
    """Through filling, watching and giving up, rows convert as the plain function does."""
    schema = build(FLIGHT)
    convert, plain = compile_schema(schema).row, reference(schema)
    dice = random.Random(7)
    for i in range(3_000):
        time = f"20{dice.randrange(10, 30)}-01-{dice.randrange(1, 29):02}"
        numbers = dice.choice([str(i), str(dice.randrange(9)), "inf"])
        row = [str(i), time, "1", "", numbers, f"c{dice.randrange(90)}", "a b"]
        assert convert(row) == plain(row)


def test_refused_rows_do_not_harm_the_next() -> None:
    """A row is refused as often as it comes, also between good ones."""
    convert = compile_schema(build(FLIGHT)).row
    good, bad = ["", "", "1", "", "1", "a", "b"], ["", "", "1", "", "inf", "a", "b"]
    assert [isinstance(convert(r), Refusal) for r in (bad, good, bad, good)] == [True, False] * 2
