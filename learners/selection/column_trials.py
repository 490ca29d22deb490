"""What single columns are worth, by the way that was taken.

Whole numbers of few values are categories only where that pays. A column that is suspected to be a
leak, or that was set aside, is shown with its price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from converters.config.toml_text import quoted
from converters.init.column_decision import Alternative, Decision
from converters.init.config_text import Proposal
from learners.selection.choice import Tried
from learners.selection.configurations import Way, scaled
from learners.selection.runs import Runs

# Of more columns than these not each is tried.
MOST_TRIED = 8
# By so much a column is the better for being categories, in nats of log loss.
PAYS = 1e-4
WITHOUT = {"role": "drop"}


def quantities(runs: Runs, proposal: Proposal, before: Tried) -> tuple[Proposal, Tried]:
    """The proposal with whole numbers as quantities, but for those that pay as categories."""
    counting = [d.name for d in proposal.decisions if d.is_counting and "kind" in d.settings]
    for name in counting[:MOST_TRIED]:
        if not runs.has_time:
            break
        changed = _with(proposal, name, partial(_as_quantity, runs, before.way))
        found = runs.run(before.way, changed)
        if found is not None and found.loss < before.loss + PAYS:
            proposal, before = changed, found
    return proposal, before


def prices(runs: Runs, proposal: Proposal, before: Tried) -> Iterator[str]:
    """What it would change to learn from a column that is set aside, and not from a suspect."""
    told = [d for d in proposal.decisions if d.is_suspect or _role(d) in ("leak", "protected")]
    for decision in [d for d in told if d.otherwise][:MOST_TRIED]:
        if not runs.has_time:
            return
        name, learned = decision.name, "kind" in decision.settings
        found = runs.run(before.way, _with(proposal, name, partial(_other, runs, before.way)))
        if found is not None:
            yield (
                f"{'without' if learned else 'with'} the column {quoted(name)} "
                f"({'a suspect' if learned else _role(decision)}) the AUC on the sample would be "
                f"{found.auc:.3f} instead of {before.auc:.3f}, the log loss {found.loss:.4f} "
                f"instead of {before.loss:.4f}"
            )


def _role(decision: Decision) -> str:
    return str(decision.settings.get("role", ""))


def _with(proposal: Proposal, name: str, change: Callable[[Decision], Decision]) -> Proposal:
    decisions = [change(d) if d.name == name else d for d in proposal.decisions]
    return replace(proposal, decisions=decisions)


def _other(runs: Runs, way: Way, decision: Decision) -> Decision:
    """The column learned from if it is not, and else not."""
    if "kind" in decision.settings:
        return replace(decision, settings=WITHOUT)
    return _as(runs, way, decision, decision.otherwise[0])


def _as_quantity(runs: Runs, way: Way, decision: Decision) -> Decision:
    """A column of codes as one of quantities, with the line that undoes it."""
    amount = next(o for o in decision.otherwise if o.settings.get("kind") == "numeric")
    codes = Alternative(decision.settings, "if these are codes, not quantities")
    others: Sequence[Alternative] = [o for o in decision.otherwise if o is not amount]
    because = decision.because.partition(": treated as categories")[0]
    because += "; as quantities they predict the label as well as or better than as categories"
    changed = _as(runs, way, replace(decision, because=because), amount)
    return replace(changed, otherwise=(codes, *others))


def _as(runs: Runs, way: Way, decision: Decision, other: Alternative) -> Decision:
    changed = replace(decision, settings=other.settings)
    return scaled(changed, runs.columns[decision.name]) if way.scaled else changed
