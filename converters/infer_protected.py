"""Names of columns that must not decide about people, or may stand for such.

Part of :mod:`converters.init.one_column`. A name is all that can be told from: what a cell means, only
a person knows. The words are what laws on discrimination name (the EU's on employment, the US on
credit). Age, and what stands for descent or family, are lawful in some decisions: they are only
asked about.
"""

from __future__ import annotations

from converters.init.decision import words

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
# What may stand behind such a word without changing what it means.
_ENDINGS = frozenset({"code", "cd", "name", "group", "type", "flag"})


def protection(name: str) -> tuple[str, str]:
    """The word by which a column's name stands for what is protected, and whether it is clear.

    Returns:
        The word and ``PROTECTED`` or ``ASKED``; two empty texts for any other name.
    """
    spelt = words(name)
    shortened = spelt[:-1] if len(spelt) > 1 and spelt[-1] in _ENDINGS else spelt
    for grade, known in ((PROTECTED, _CLEAR), (ASKED, _UNCLEAR)):
        for word in known:
            parts = word.split()
            if parts in (spelt[-len(parts) :], shortened[-len(parts) :]):
                return word, grade
    return "", ""
