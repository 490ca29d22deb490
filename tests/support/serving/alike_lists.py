"""Lists of JSON objects as text, mostly written alike, for tests of all that reads them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

NUMBERS = ("0", "7", "42", "1234567", "99999999", "123456789012", "1234567890123456", "-3", "1.5")
ODD_NUMBERS = (
    *("12345678901234567", "18446744073709551616", "1.0", "2.50", "1e3", "-0", "-0.0", "007", "+1"),
    *("1e400", "NaN", "Infinity", "0x10", ".5", "5.", "1_0", "1e-7", "123456789.123456789", "1:2"),
)
WORDS = ("null", "true", "false")
TEXTS = ("UA", "JFK", "", "null", "a b", "1", "007", "long " * 12, "x" * 9, "é", "a:b|c")
ODD_TEXTS = (
    '"',
    "\\",
    "\n",
    "\t",
    "\0",
    "\x1f",
    "},{",
    ': "',
    '": null',
    "],[",
    "\x7f",
    "\U0001f600",
)
# As values, raw.
OTHERS = (
    *("[1]", "{}", '{"a": 1}', "[]", "", "undefined", "'x'", '"\\ud800"', '"\\u0041"', '"\t"'),
    *("1, 2", "1], [2", '"a" "b"', "nullx", "nul", "True", "1 2", '"a', "/**/1"),
)
STYLES = (
    *((", ", ": ", ", "), (",", ":", ","), (", ", ": ", "\n,"), (",", " : ", " ,\r\n\t")),
    ("\n  , ", ": ", ",\n"),
)


def texts(*, odd: bool) -> st.SearchStrategy[str]:
    """Texts as JSON has them."""
    plain = st.sampled_from(TEXTS).map(lambda text: json.dumps(text, ensure_ascii=False))
    if not odd:
        return plain
    hostile = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=8))
    return st.one_of(plain, hostile.map(json.dumps), hostile.map(lambda text: f'"{text}"'))


@st.composite
def alike_lists(draw: st.DrawFn, keys: tuple[str, ...]) -> str:
    """The inside of a list of objects that have some of these keys."""
    text = draw(st.sampled_from(STYLES))[2].join(draw(alike_rows(keys)))
    if draw(st.integers(0, 9)) == 9:
        at, put = draw(st.integers(0, len(text))), draw(st.sampled_from((*'",{} \\\n', "")))
        text = text[:at] + put + text[at + 1 :]
    return text


@st.composite
def alike_rows(draw: st.DrawFn, keys: tuple[str, ...]) -> list[str]:
    """Objects that have some of these keys."""
    between, colon, _ = draw(st.sampled_from(STYLES))
    names = draw(st.lists(st.sampled_from(keys), min_size=1, unique=True))
    usual = [draw(st.sampled_from(("text", "number", "any"))) for _ in names]
    hostile = draw(st.booleans())
    rows = []
    for _ in range(draw(st.integers(1, 7))):
        members = []
        for name, kind in zip(names, usual, strict=True):
            number = st.sampled_from((*NUMBERS, *NUMBERS, *ODD_NUMBERS) if hostile else NUMBERS)
            values = {"text": texts(odd=hostile), "number": number}
            chosen = values.get(kind, st.one_of(*values.values(), st.sampled_from(WORDS)))
            value = draw(chosen)
            if draw(st.integers(0, 9)) == 9:
                value = draw(st.sampled_from((*WORDS, *OTHERS) if hostile else ("null",)))
            members.append(f"{json.dumps(name, ensure_ascii=False)}{colon}{value}")
        if hostile and draw(st.integers(0, 9)) == 9:
            members = draw(st.permutations([*members, *members[:1]]))
        rows.append("{" + between.join(members) + "}")
    return rows
