"""Progressive validation of a sample: the scores of plain Vowpal Wabbit, labels as late as told."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from vowpalwabbit.pyvw import Workspace

from converters.convert.to_vw_text import compile_schema
from converters.schema.schema import Schema
from learners.selection.progressive import scored
from learners.vw.arguments import vw_spec
from tests.support.rows.schemas import Columns, build

COLUMNS: Columns = {
    "y": {"role": "label"},
    "a": {"kind": "numeric", "features": ["scale", "bins"], "edges": [-1, 0, 1]},
    "b": {"kind": "categorical"},
}


def rows(count: int) -> list[list[str]]:
    """Rows of which some have no label, and one is refused."""
    dice = random.Random(5)
    found = [
        [dice.choice(["0", "1", "1", ""]), f"{dice.gauss(0, 1):.3f}", dice.choice("pqr")]
        for _ in range(count)
    ]
    found[count // 2][1] = "no number"
    return found


@pytest.mark.parametrize("late", [False, True])
def test_as_plain_vowpal_wabbit_one_by_one(late: bool) -> None:
    """Each row is scored when it comes, and learned before the row at which its label does."""
    schema = build(COLUMNS, learner={"interactions": "pairs"})
    spec = vw_spec("--coin", schema.interactions)
    table = rows(600)
    dice = random.Random(6)
    labelled = [n + dice.randrange(1, 90) if late else n + 1 for n in range(len(table))]
    found = scored(schema, spec, table, labelled if late else None)
    assert found is not None
    assert found.scores == pytest.approx(plainly(schema, spec.args, table, labelled), nan_ok=True)
    assert int(np.isnan(found.scores).sum()) == 1


def test_it_is_given_up_when_the_time_is_over() -> None:
    """Between two parts of the steps; there is no half of a measure."""
    schema = build(COLUMNS)
    assert scored(schema, vw_spec("", ()), rows(20), until=time.monotonic() - 1) is None


def plainly(
    schema: Schema, args: tuple[str, ...], table: list[list[str]], labelled: list[int]
) -> list[float]:
    """The same with one call of Vowpal Wabbit a line."""
    workspace = Workspace(arg_list=list(args))
    convert = compile_schema(schema).row
    due: dict[int, list[str]] = {}
    scores = []
    for n, row in enumerate(table):
        for line in due.pop(n, []):
            workspace.learn(line)
        converted = convert(row)
        if len(converted) != 3 or not isinstance(converted, tuple) or hasattr(converted, "reason"):
            scores.append(float("nan"))
            continue
        _, label, text = converted
        scores.append(workspace.predict(text))
        if label is not None:
            due.setdefault(labelled[n], []).append(f"{'1' if label else '-1'} {text}")
    workspace.finish()
    return scores
