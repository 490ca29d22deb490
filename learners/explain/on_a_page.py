"""One explained row for a person at a terminal: bars, reasons, and what would have changed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from converters.show.tables import cut, percent

# Characters of the longest bar.
WIDTH = 24
AGAINST = {
    "missing": "a row without any value",
    "typical": "{rows:,} typical rows",
    "file": "{rows:,} rows of the baseline's file",
}


def page(answer: Mapping[str, Any], baseline: Mapping[str, Any], version: int) -> Iterator[str]:
    """The lines of the page.

    Args:
        answer: as :class:`learners.explain.answers.Why` gives it for a row, or for changes.
        baseline: of the same.
        version: that explains.
    """
    if "before" in answer:
        yield from _changed(answer, version)
        return
    yield from _head(answer, baseline, version)
    yield ""
    yield from _bars(answer, baseline)
    yield from _reasons(answer)
    if "what_if" in answer:
        yield ""
        yield from _what_if(answer["what_if"], answer["label"])


def against(baseline: Mapping[str, Any]) -> str:
    """What a row is held against, in words."""
    return AGAINST[baseline["kind"]].format(**baseline)


def bar(value: float, most: float) -> str:
    """A bar for a terminal, of which the longest is that of the largest magnitude."""
    return "█" * round(WIDTH * abs(value) / most) or "·"


def _head(answer: Mapping[str, Any], baseline: Mapping[str, Any], version: int) -> Iterator[str]:
    yield f"Score {answer['score']:.4f}, so the label is '{answer['label']}' (version {version})."
    yield (
        f"What each column adds, in log-odds, against {against(baseline)} "
        f"(mean score {percent(baseline['score'])}, {answer['method']}):"
    )


def _bars(answer: Mapping[str, Any], baseline: Mapping[str, Any]) -> Iterator[str]:
    each = [
        (f"{one['column']} = {cut(one['value'])}" if one["value"] else f"{one['column']} missing",
         one["contribution"])
        for one in answer["contributions"]
    ]  # fmt: skip
    rest = [("not of a column", answer.get("other", 0.0)), ("calibration", answer["adjustment"])]
    each += [one for one in rest if one[1]]
    most = max((abs(value) for _, value in each), default=0.0) or 1.0
    width = max(len(name) for name, _ in [*each, ("baseline", 0.0)])
    yield f"  {'baseline':<{width}}  {baseline['log_odds']:+9.4f}"
    for name, value in each:
        yield f"  {name:<{width}}  {value:+9.4f}  {bar(value, most)}"
    yield f"  {'sum':<{width}}  {answer['log_odds'] + answer['adjustment']:+9.4f}"


def _reasons(answer: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    if "reasons" not in answer:
        yield "No reasons in words: they need explain.adverse, and explain.baseline with rows."
        return
    reasons = answer["reasons"]
    yield "Reasons:" if reasons else "No column worked against this row."
    for number, reason in enumerate(reasons, 1):
        yield f"  {number}. {reason['reason']}"


def _what_if(found: Mapping[str, Any], label: str) -> Iterator[str]:
    numbers, categories = found["numbers"], found["categories"]
    if not numbers and not categories:
        yield f"No change of one cell alone would make the label other than '{label}'."
        return
    yield f"The label would not be '{label}'"
    for each in numbers:
        yield (
            f"  with {each['column']} {each['to']} instead of {cut(each['value'])} "
            f"(score {each['score']:.4f})"
        )
    for each in categories:
        others = ", ".join(f"{cut(one['value'])} ({one['score']:.4f})" for one in each["to"])
        yield f"  with {each['column']} {others} instead of {cut(each['value']) or 'nothing'}"
    yield f"({found['note']})"


def _changed(answer: Mapping[str, Any], version: int) -> Iterator[str]:
    before, after, moved = answer["before"], answer["after"], answer["difference"]
    yield (
        f"Score {before['score']:.4f} ('{before['label']}') becomes {after['score']:.4f} "
        f"('{after['label']}') by version {version}; in log-odds:"
    )
    columns: Sequence[Mapping[str, Any]] = moved["columns"]
    names = [
        f"{one['column']}: {cut(one['value'])} -> {cut(one['to'])}"
        if one["value"] != one["to"]
        else one["column"]
        for one in columns
    ]
    width = max(map(len, [*names, "sum"]))
    for name, one in zip(names, columns, strict=True):
        yield f"  {name:<{width}}  {one['difference']:+9.4f}"
    yield f"  {'sum':<{width}}  {moved['log_odds'] + moved['adjustment']:+9.4f}"
    yield from _reasons(after)
    yield f"({answer['note']})"
