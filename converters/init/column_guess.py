"""One column of a sample -> what it is: role, kind, range, missing policy, and why, in words.

For columns that no option names. The modules of single kinds guess; what holds for every kind is
added here: what to do with missing cells, and whether the column may be learned from at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from converters.config.toml_text import quoted, readable
from converters.files.first_line import UNNAMED
from converters.init.column_decision import (
    Alternative,
    Decision,
    Guess,
    Surroundings,
    asked,
    leak,
    percent,
    protected,
    suspected,
    words,
)
from converters.init.event_ids import id_settings
from converters.init.locale_formats import Format, format_of
from converters.init.nonnumeric_columns import (
    are_times,
    boolean,
    categories,
    is_later,
    is_text,
    text,
    time_settings,
    times,
    times_but_for_few,
)
from converters.init.numeric_columns import like_an_id, numbers
from converters.init.stray_cells import marks_said, marks_warned, strays
from converters.sampling import missing_markers, sentinels
from converters.sampling.column_sample import ColumnSample, truth_values
from converters.sampling.leak_suspects import Judge, known_afterwards
from converters.sampling.nearly_numbers import MOST_NUMBERED_CATEGORIES

PROTECTED, ASKED = "protected", "asked"

_CLEAR = (
    "sex", "gender", "race", "ethnicity", "ethnic group", "ethnic origin", "national origin",
    "nationality", "citizenship", "religion", "religious affiliation", "disability", "disabled",
    "sexual orientation", "gender identity", "caste", "skin color", "skin colour",
    "political affiliation", "union membership", "pregnant", "pregnancy",
)  # fmt: skip
_UNCLEAR = (
    "age", "birthday", "birthdate", "birth date", "birth year", "year of birth", "date of birth",
    "dob", "birthplace", "place of birth", "country of birth", "marital status", "married",
    "native language", "mother tongue", "zip", "zip code", "zipcode", "postcode", "postal code",
    "plz", "first name", "last name", "surname",
)  # fmt: skip
# Words that may follow such a word without changing its meaning.
_ENDINGS = frozenset({"code", "cd", "name", "group", "type", "flag"})


def protection(name: str) -> tuple[str, str]:
    """The protected attribute that a column's name means, and whether that is clear.

    Returns:
        The attribute's word and ``PROTECTED`` or ``ASKED``; two empty texts for any other name.
    """
    spelt = words(name)
    shortened = spelt[:-1] if len(spelt) > 1 and spelt[-1] in _ENDINGS else spelt
    for grade, known in ((PROTECTED, _CLEAR), (ASKED, _UNCLEAR)):
        for word in known:
            parts = word.split()
            if parts in (spelt[-len(parts) :], shortened[-len(parts) :]):
                return word, grade
    return "", ""


# From this missing share on, being missing becomes a feature; from this one on, there is a warning.
INDICATED_SHARE = 0.05
MOSTLY_SHARE = 0.5

_OF_NUMBERS = ("numeric", "boolean", "time")


def decide(column: ColumnSample, surroundings: Surroundings, judge: Judge) -> Decision:
    """What a column is that no option names.

    Args:
        column: its cells.
        surroundings: what is known of the file besides.
        judge: says how well the column by itself predicts the label.
    """
    found = sentinels.in_sample(column)
    if found:
        decision = _decided(replace(column, sentinels=found), surroundings, judge)
        # What is set aside may be learned from by the line beside it.
        lines = [decision.settings, *(other.settings for other in decision.otherwise)]
        if next((line["kind"] for line in lines if "kind" in line), "") in _OF_NUMBERS:
            return _with_sentinels(column, decision, found)
    return _decided(column, surroundings, judge)


def _with_sentinels(column: ColumnSample, decision: Decision, found: Sequence[str]) -> Decision:
    rows = sum(column.counts[cell] for cell in found)
    spelt = ", ".join(map(readable, found))
    warning = (
        f"column {quoted(column.name)} holds {spelt} in {rows:,} of {len(column.cells):,} rows, "
        f"the first in line {column.line_of(found[0])}, far from all others: taken for missing. "
        "If it is a value like others, take it out of missing_values."
    )
    because = f"{decision.because}; {spelt}, far from all others, is taken for missing"
    said = () if decision.settings.get("role") == "drop" else (warning,)
    return replace(decision, because=because, warnings=(*said, *decision.warnings))


def _decided(column: ColumnSample, surroundings: Surroundings, judge: Judge) -> Decision:
    if UNNAMED.fullmatch(column.name):
        return _unnamed(column, surroundings)
    if not column.present:
        because = "always missing: nothing to learn from"
        learned = Alternative({"kind": "categorical"}, "if it will be filled")
        return _dropped(column, because, "is always missing", (learned,))
    if len(column.counts) == 1:
        always = f"always {readable(column.cells[0])}"
        varying = _guess(column, surroundings) or categories(column)
        learned = Alternative(_settings(column, varying, surroundings), "if it will vary")
        said = f"{always}: nothing to learn from"
        return _dropped(column, said, f"is constant ({always})", (learned,))
    guess = _guess(column, surroundings)
    if guess is None or guess.kind in ("categorical", "text"):
        found = None if guess is None and are_times(column) else format_of(column)
        if found is not None:
            return _in_format(column, found, surroundings, judge)
    if guess is None:
        return _nothing_repeats(column, surroundings)
    return _feature(column, guess, surroundings, judge)


def _guess(column: ColumnSample, surroundings: Surroundings) -> Guess | None:
    """The kind; None for a column whose values do not recur."""
    if truth_values(column.distinct):
        return boolean(column)
    if are_times(column):
        return times(column, surroundings)
    return (
        _of_numbers(column) if not column.odd or column.beside else _in_words(column, surroundings)
    )


def _of_numbers(column: ColumnSample) -> Guess | None:
    return None if column.nearly_unique and like_an_id(column) else numbers(column)


def _in_words(column: ColumnSample, surroundings: Surroundings) -> Guess | None:
    if mixed := times_but_for_few(column, surroundings):
        return mixed
    if is_text(column):
        return text(column)
    return None if column.nearly_unique else categories(column)


def _feature(
    column: ColumnSample, guess: Guess, surroundings: Surroundings, judge: Judge
) -> Decision:
    settings = _settings(column, guess, surroundings)
    missing = settings.get("missing_values", ())
    others = tuple(
        replace(other, settings=_with_missing(column, other.settings, surroundings, missing))
        for other in guess.otherwise
    )
    if guess.kind == "categorical":
        others += tuple(_words_missing(column, settings))
    because = "; ".join([guess.because, *_missing_said(column, settings)])
    said = tuple(_warnings(column, guess))
    learned = Decision(
        column.name, settings, because, others, said, guess.rule, is_counting=guess.is_counting
    )
    word, grade = protection(column.name)
    if grade == PROTECTED:
        return protected(learned, word)
    if guess.kind == "time" and is_later(column, surroundings):
        return leak(learned, "is always later than the event itself")
    listed = settings.get("missing_values", ())
    alone = judge.of_column(replace(column, sentinels=listed), guess.kind)
    if alone is not None and alone.suspicious:
        if alone.is_as_good or known_afterwards(column.name):
            return leak(learned, alone.described)
        learned = suspected(learned, alone.described)
    return asked(learned, word) if grade == ASKED else learned


def _words_missing(column: ColumnSample, settings: Mapping[str, Any]) -> Iterator[Alternative]:
    """What to write if a category such as ``unknown`` is none."""
    listed = settings.get("missing_values", ())
    found = [word for word in missing_markers.words(column.distinct) if word not in listed]
    if not found or len(found) == len(column.distinct):
        return
    full = dict(settings) | {"missing_values": sorted({*listed, *found})}
    for key in ("values", "rare_values"):
        if key in full:
            full[key] = [value for value in full[key] if value not in found]
    yield Alternative(full, f"if {', '.join(map(readable, found))} means that it is missing")


def _settings(column: ColumnSample, guess: Guess, surroundings: Surroundings) -> dict[str, Any]:
    settings = {"kind": guess.kind, **guess.settings}
    return _with_missing(column, settings, surroundings, guess.as_missing)


def _with_missing(
    column: ColumnSample,
    settings: Mapping[str, Any],
    surroundings: Surroundings,
    odd: Sequence[str] = (),
) -> dict[str, Any]:
    """The settings with what they say of missing cells."""
    spellings = {*column.spellings, *odd}
    # What a column of numbers holds one day was seen in another one: no cell to refuse a row for.
    if settings["kind"] in _OF_NUMBERS:
        spellings |= surroundings.spellings
    spellings.difference_update(settings.get("values", ()), settings.get("rare_values", ()))
    if settings["kind"] == "boolean":
        spellings.difference_update(column.distinct)
    full = dict(settings)
    if _absent_share(column, odd) > INDICATED_SHARE:
        full["missing"] = "indicator"
    if spellings:
        full["missing_values"] = sorted(spellings)
    return full


def _absent_share(column: ColumnSample, odd: Sequence[str]) -> float:
    """Which part of the cells is missing, together with others that count as such."""
    absent = sum(column.counts[cell] for cell in {*column.missing, *odd})
    return absent / len(column.cells)


def _missing_said(column: ColumnSample, settings: Mapping[str, Any]) -> Iterator[str]:
    share = _absent_share(column, settings.get("missing_values", ()))
    if share:
        indicated = ", a feature of its own since it is over 5 %" if "missing" in settings else ""
        yield f"{percent(share)} missing{marks_said(column)}{indicated}"
    elsewhere = set(settings.get("missing_values", ())) - {*column.spellings, *column.distinct}
    if elsewhere:
        spelt = ", ".join(map(readable, sorted(elsewhere)))
        yield f"{spelt} means missing in other columns of the file, so here too"


def _warnings(column: ColumnSample, guess: Guess) -> Iterator[str]:
    yield from guess.warnings
    yield from marks_warned(column)
    share = _absent_share(column, guess.as_missing)
    if share > MOSTLY_SHARE:
        yield f"column {quoted(column.name)} is mostly missing ({percent(share)})."
    if guess.kind == "categorical":
        yield from strays(column)


def _in_format(
    column: ColumnSample, found: Format, surroundings: Surroundings, judge: Judge
) -> Decision:
    """A column of numbers or times in another notation: few values are categories all the same."""
    values = len(column.distinct)
    few = values <= MOST_NUMBERED_CATEGORIES and 2 * values <= len(column.present)
    if few or (found.are_times and not column.nearly_unique):
        guess = categories(column)
        because = f"{found.because}: treated as categories; {guess.because}"
        until = f"{found.warning} Until then it is a category of {values:,} values."
        warnings = (*guess.warnings, until)
        guess = replace(guess, because=because, warnings=warnings, rule=found.rule)
        return _feature(column, guess, surroundings, judge)
    settings = _with_missing(column, {"kind": "categorical"}, surroundings)
    each = Alternative(settings, "to learn from each spelling as it is")
    because = f"{found.because} ({values:,} distinct): not learned from"
    said = (f"{found.warning} Until then it is dropped.", *marks_warned(column))
    return Decision(column.name, {"role": "drop"}, because, (each,), said, found.rule)


def _dropped(
    column: ColumnSample, because: str, warning: str, otherwise: tuple[Alternative, ...]
) -> Decision:
    said = f"column {quoted(column.name)} {warning} and is dropped."
    return Decision(column.name, {"role": "drop"}, because, otherwise, (said,))


_SO_CALLED = "so a column is called above which the header is empty, as pandas and R leave it"


def _unnamed(column: ColumnSample, surroundings: Surroundings) -> Decision:
    """A column without a name: row names are an id; their numbers are not, nor what repeats."""
    said, id_given = f"column {quoted(column.name)} ({_SO_CALLED})", surroundings.has("id")
    as_id, dropped = id_settings(column), {"role": "drop"}
    if len(column.distinct) < len(column.cells):
        why = "repeats values" if column.present else "is always missing"
        kind = _guess(column, surroundings) or categories(column) if column.present else None
        learned = {"kind": "categorical"} if kind is None else _settings(column, kind, surroundings)
        others = (Alternative(learned, "to learn from it"),)
        warning = f"{said} {why} and is dropped."
        return Decision(column.name, dropped, f"{why}; {_SO_CALLED}", others, (warning,))
    first = Alternative(as_id, "if it is the event's id")
    if id_given or column.counts_rows:
        why = "is unique" if id_given else "counts the rows, as the next file will again"
        warning = f"{said} {why}, and is dropped."
        if not id_given:
            warning += " If it is the event's id, run init again with --id ''."
        numbered = () if id_given else (first,)
        return Decision(column.name, dropped, f"{why}; {_SO_CALLED}", numbered, (warning,))
    warning = (
        f"{said} is unique and taken for the event's id. If it is not, run init again with "
        "--drop ''."
    )
    others = (Alternative(dropped, "if it is not the event's id"),)
    return Decision(column.name, as_id, f"is unique; {_SO_CALLED}", others, (warning,))


def _nothing_repeats(column: ColumnSample, surroundings: Surroundings) -> Decision:
    """A column of names, or of times too close together for any part of them to come again."""
    name = quoted(column.name)
    what = "time" if are_times(column) else "id"
    found = f"{len(column.distinct):,} distinct values in {len(column.present):,} rows"
    said, why = (f"nearly unique: {found}", f"is nearly unique ({found})")
    learned: dict[str, Any] = {"kind": "categorical"}
    if what == "time":
        said = f"times no part of which recurs: {found}"
        why = "holds times that do not repeat"
        learned = {"kind": "time", **time_settings(column, ["hour", "weekday"])}
    others = [Alternative(_with_missing(column, learned, surroundings), "to learn from it")]
    warning = (
        f"column {name} {why}; nothing can be learned from that and it is dropped. If it is the "
        f"event's {what}, run init again with --{what} {name}."
    )
    if not surroundings.has(what):
        pattern = {"format": column.time_format} if what == "time" and column.time_format else {}
        others.insert(0, Alternative({"role": what, **pattern}, f"if it is the event's {what}"))
    return Decision(column.name, {"role": "drop"}, said, tuple(others), (warning,))
