"""Columns that were renamed more than once, and names that came to mean another column."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from converters.schema.name_history import columns_now, former_names, with_meanings
from converters.schema.writer_schema import WriterSchema


def schemas(*columns: dict[str, str]) -> list[WriterSchema]:
    """Schemas with these columns, each with the name that it had before, if it had one."""
    return [
        WriterSchema(
            tuple(named), ",", False, (), (), tuple((n, (old,)) for n, old in named.items() if old)
        )
        for named in columns
    ]


def test_a_chain_of_renames_is_followed() -> None:
    """Although the last schema names only the name before."""
    history = schemas({"grade": ""}, {"rating": "grade"}, {"class": "rating"})
    assert former_names(history) == {"rating": "class", "grade": "class"}
    assert [each.meanings for each in with_meanings(history)] == [(), ()]


def test_swapped_names_mean_what_they_meant_then() -> None:
    """In three steps, as a column may not be named as another was."""
    history = schemas(
        {"amount": "", "income": ""},
        {"sum": "amount", "income": ""},
        {"sum": "", "amount": "income"},
    )
    assert columns_now(history, 0) == {"amount": "sum", "income": "amount"}
    assert columns_now(history, 1) == {"sum": "sum", "income": "amount"}
    first, second = with_meanings(history)
    assert dict(first.meanings) == {"amount": "sum", "income": "amount"}
    assert second.meanings == ()


def test_a_name_that_comes_back_is_the_same_column() -> None:
    """It was not needed for a while."""
    history = schemas({"a": "", "b": ""}, {"a": ""}, {"a": "", "b": ""})
    assert former_names(history) == {}
    assert [each.meanings for each in with_meanings(history)] == [(), ()]


NAMES = st.sampled_from("abcdef")


@given(st.data())
def test_each_column_is_followed_as_by_its_identity(data: st.DataObject) -> None:
    """Through random renames and removals: names lead to the column that is still the same."""
    # A column is a number here, whatever it is called.
    called = dict(enumerate("abc"))
    history, times, seen = [dict.fromkeys("abc", "")], [dict(called)], set("abc")
    for _ in range(data.draw(st.integers(1, 4))):
        columns: dict[str, str] = {}
        for number, name in list(called.items()):
            how = data.draw(st.sampled_from(["kept", "kept", "renamed", "removed"]))
            new = data.draw(NAMES)
            if how == "removed":
                del called[number]
            elif how == "renamed" and new not in {*called.values(), *columns, *seen}:
                called[number], columns[new] = new, name
            else:
                columns[name] = ""
        seen |= set(columns)
        history.append(columns)
        times.append(dict(called))
    for at, then in enumerate(times):
        expected = {name: called.get(number, "") for number, name in then.items()}
        assert columns_now(schemas(*history), at) == expected
