"""What single columns are worth, by the way that was taken.

Whole numbers of few values are categories only where that pays. A column that is suspected to be a
leak, or that was set aside, is shown with its price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from converters.config.toml_text import quoted
from converters.init.column_decision import Alternative, Decision
from learners.selection.choice import Tried
from learners.selection.runs import Runs

# Of more columns than these not each is tried by itself.
MOST_TRIED = 8
# By so much a column is the better for being categories, in nats of log loss.
PAYS = 1e-4
WITHOUT = {"role": "drop"}


def quantities(
    runs: Runs, decisions: Sequence[Decision], before: Tried
) -> tuple[Sequence[Decision], Tried]:
    """The columns with whole numbers as quantities, but for those that pay as categories.

    The first are tried one by one, the others all at once.
    """
    counting = [d.name for d in decisions if d.is_counting and d.is_learned]
    single = [{name} for name in counting[:MOST_TRIED]]
    for names in [*single, {*counting[MOST_TRIED:]}]:
        if not names or not runs.has_time:
            continue
        changed = [_as_quantity(each) if each.name in names else each for each in decisions]
        found = runs.run(before.way, changed)
        if found is not None and found.loss < before.loss + PAYS:
            decisions, before = changed, found
    return decisions, before


def prices(runs: Runs, decisions: Sequence[Decision], before: Tried) -> Iterator[str]:
    """What it would change to learn from a column that is set aside, and not from a suspect."""
    told = [d for d in decisions if d.is_suspect or _role(d) in ("leak", "protected")]
    for decision in [d for d in told if d.otherwise]:
        name = quoted(decision.name)
        which = f"the column {name} ({'a suspect' if decision.is_learned else _role(decision)})"
        changed = _with(decisions, decision.name, _other)
        if not any(each.is_learned for each in changed):
            yield f"without {which} there would be nothing to learn from"
        elif not runs.has_time:
            yield f"what {which} is worth was not tried: the time for trials was over"
        elif (found := runs.run(before.way, changed)) is not None:
            yield (
                f"{'without' if decision.is_learned else 'with'} {which} the AUC on the rows tried "
                f"would be {found.auc:.3f} instead of {before.auc:.3f}, the log loss "
                f"{found.loss:.4f} instead of {before.loss:.4f}"
            )


def _role(decision: Decision) -> str:
    return str(decision.settings.get("role", ""))


def _with(
    decisions: Sequence[Decision], name: str, change: Callable[[Decision], Decision]
) -> list[Decision]:
    return [change(each) if each.name == name else each for each in decisions]


def _other(decision: Decision) -> Decision:
    """The column learned from if it is not, and else not."""
    settings = WITHOUT if decision.is_learned else decision.otherwise[0].settings
    return replace(decision, settings=settings)


def _as_quantity(decision: Decision) -> Decision:
    """A column of codes as one of quantities, with the line that undoes it."""
    amount = next(o for o in decision.otherwise if o.settings.get("kind") == "numeric")
    codes = Alternative(decision.settings, "if these are codes, not quantities")
    others = [o for o in decision.otherwise if o is not amount]
    because = decision.because.partition(": treated as categories")[0]
    because += "; as quantities they predict the label as well as or better than as categories"
    return replace(decision, settings=amount.settings, because=because, otherwise=(codes, *others))
