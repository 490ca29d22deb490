"""Pairs of columns worth crossing: only what holds on rows not yet seen is crossed unasked."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

from converters.config import load
from converters.init.config_text import Proposal, config_text
from converters.init.declared import Declared
from converters.init.interactions import Crossing, crossings
from converters.init.schema_inference import infer
from converters.schema import schema
from tests.support.rows.tables import NOISE, Cell, sampled, table

DICE = random.Random(8)
LEFT = [DICE.randrange(4) for _ in range(2_000)]
RIGHT = [DICE.randrange(5) for _ in range(2_000)]


def either(i: int) -> str:
    """A label that each column alone says nothing of, and both together most."""
    return "1" if (NOISE[i] < 0.15) ^ (LEFT[i] % 2 == RIGHT[i] % 2) else "0"


PAIR: dict[str, Cell] = {
    "y": either,
    "left": lambda i: "NESW"[LEFT[i]],
    "right": lambda i: f"r{RIGHT[i]}",
    "noise": lambda i: f"n{int(NOISE[-i] * 5)}",
}


def found(columns: dict[str, Cell], rows: int = 2_000) -> tuple[tuple[Crossing, ...], str]:
    """The pairs found in such a table, and the config file that shows them."""
    drawn = sampled(table(columns, rows))
    inference = infer(drawn, Declared("y", ("1",)))
    found = crossings(inference, drawn)
    proposal = Proposal(inference.decisions, crossings=found)
    return found, config_text("m", drawn, inference.labels, proposal)


def test_sure_pair_is_crossed() -> None:
    """A pair that clearly helps on rows held out is a live interaction, with its evidence."""
    (crossing,), text = found(PAIR)
    assert crossing.pair == ("left", "right")
    assert crossing.apart - crossing.crossed > 0.1
    assert "\n[learner]\n" in text
    assert f'#   {crossing.evidence}\ninteractions = [["left", "right"]]\n' in text
    loaded = load.from_values(tomllib.loads(text), Path("freshet.toml"))
    assert schema.from_settings(loaded).interactions == (("a", "b"),)


def test_pair_that_only_fits_its_rows_is_not_crossed() -> None:
    """Random labels are fitted better by any pair, but no pair helps on the rows that follow."""
    columns = PAIR | {"y": lambda i: "01"[NOISE[i] < 0.3]}
    assert not any(crossing.is_sure for crossing in found(columns)[0])


def test_pair_that_tells_nothing_new_is_not_crossed() -> None:
    """Where both columns add up, and one copies another, their pairs say nothing more."""
    columns: dict[str, Cell] = {
        "y": lambda i: "1" if NOISE[i] < 0.1 + LEFT[i] / 10 + RIGHT[i] / 20 else "0",
        "left": lambda i: LEFT[i],
        "right": lambda i: f"r{RIGHT[i]}",
        "copy": lambda i: "NESW"[LEFT[i]],
    }
    assert not any(crossing.is_sure for crossing in found(columns)[0])


def test_pair_that_repeats_another_is_not_crossed_too() -> None:
    """Beside a pair that was taken, one that says the same saves nothing more."""
    (crossing,), _ = found(PAIR | {"copy": lambda i: "nesw"[LEFT[i]]})
    assert "right" in crossing.pair


def test_unsure_pairs_are_a_comment() -> None:
    """A pair that may help is a comment in a live section: its '#' is all that must go."""
    columns = PAIR | {"y": lambda i: either(i) if i % 2 else "01"[NOISE[-i] < 0.4]}
    crossings, text = found(columns, rows=600)
    assert crossings
    assert not any(crossing.is_sure for crossing in crossings)
    assert "\ninteractions" not in text
    live = text.replace("# interactions =", "interactions =")
    loaded = load.from_values(tomllib.loads(live), Path("freshet.toml"))
    assert loaded.learner.interactions == tuple(crossing.pair for crossing in crossings)


def test_parts_of_a_time_are_crossed() -> None:
    """A derived part can be half of a pair, under the name that the config gives it."""
    columns: dict[str, Cell] = PAIR | {
        "right": lambda i: f"2013-01-{1 + i % 28:02}T{RIGHT[i]:02}:00:00Z",
    }
    assert found(columns)[0][0].pair == ("left", "right.hour")


def test_few_rows_suggest_nothing() -> None:
    """A hundred rows, or hardly a positive, tell nothing of pairs."""
    assert found(PAIR, rows=100)[0] == ()
    few = PAIR | {"y": lambda i: "1" if i % 150 == 0 else "0"}
    assert found(few)[0] == ()
