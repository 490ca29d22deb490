"""A column that could be learned from, but is carried only: a leak, or protected; or asked about.

Part of :mod:`converters.init.one_column`. The line that would learn from it stands beside.
"""

from __future__ import annotations

from dataclasses import replace

from converters.config.toml_text import quoted
from converters.init.decision import Alternative, Decision


def leak(learned: Decision, said: str) -> Decision:
    """A column that seems known only when the label is: to learn from it is worse than not to."""
    warning = (
        f"column {quoted(learned.name)} looks like a leak: it {said}. It is not learned from, "
        'under the role "leak". If it IS known when the event comes, put the line in its place '
        "that the config shows beside it."
    )
    because = f"a leak? It {said}; {learned.because}"
    first = Alternative(learned.settings, "if it IS known when the event comes")
    return _set_aside(learned, "leak", because, first, warning)


def protected(learned: Decision, word: str) -> Decision:
    """A column whose name clearly says what must not decide about people."""
    because = (
        f"called {quoted(word)}, which must not decide about people: kept to compare groups by, "
        f"never learned from; {learned.because}"
    )
    warning = (
        f"column {quoted(learned.name)} is protected by its name ({word}): it is carried to "
        "compare groups by, and never learned from."
    )
    first = Alternative(learned.settings, "if the name means something else here")
    return _set_aside(learned, "protected", because, first, warning)


def _set_aside(
    learned: Decision, role: str, because: str, first: Alternative, warning: str
) -> Decision:
    return replace(
        learned,
        settings={"role": role},
        because=because,
        otherwise=(first, *learned.otherwise),
        warnings=(*learned.warnings, warning),
    )


def asked(learned: Decision, word: str) -> Decision:
    """A column whose name may say so: learned from, with a question."""
    warning = (
        f"column {quoted(learned.name)} may stand for what must not decide about people ({word}). "
        'It is learned from; role = "protected" carries it without.'
    )
    carried = Alternative({"role": "protected"}, "if it must not decide about people")
    others = (carried, *learned.otherwise)
    return replace(learned, otherwise=others, warnings=(*learned.warnings, warning))
