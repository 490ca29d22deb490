"""What ``init`` proposes: the way that did best on the sample, or the plain one."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.init.column_decision import Decision
from converters.init.declared import Declared, InferError
from converters.init.interactions import Crossing
from converters.init.trial import Origin, loaded, written
from learners.selection import column_trials
from learners.selection.choice import Profile, Tried, chosen
from learners.selection.configurations import WAYS, proposal
from learners.selection.proposed import Selection
from tests.support.rows.tables import sampled

CONFIG = Path("freshet.toml")
RANDOM = np.random.default_rng(7)
Header = Sequence[str]


def table(header: Header, rows: int, cells: Callable[[int], Sequence[object]]) -> bytes:
    """A CSV file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(cells(n) for n in range(rows))
    return out.getvalue().encode()


def proposed(content: bytes, **told: Any) -> str:
    """The config that is proposed for a file."""
    profile = Profile(str(told.pop("profile", "auto")))
    seconds = float(told.pop("seconds", 20))
    declared = Declared(**{"label": "y", "positive": ("1",), **told})
    origin = Origin(sampled(content))
    selection = Selection(origin, CONFIG, profile, seconds, declared.label_time)
    return written(origin, declared, "m", CONFIG, selection.propose).text


MARKED = re.compile(r"^# > \S+ +([\d.]+)", re.MULTILINE)


def taken(text: str) -> str:
    """The way that the table marks."""
    names: list[str] = re.findall(r"^# > (\S+)", text, re.MULTILINE)
    (name,) = names
    return name


LEFT, RIGHT = RANDOM.normal(size=4_000), RANDOM.normal(size=4_000)
CHANCE = RANDOM.random(4_000)


def exclusive(n: int) -> Sequence[object]:
    """A label that says nothing of either number, and all of both."""
    positive = (LEFT[n] > 0) ^ (RIGHT[n] > 0) ^ (CHANCE[n] < 0.1)
    return [int(positive), f"{LEFT[n]:.3f}", f"{RIGHT[n]:.3f}"]


def bent(n: int) -> Sequence[object]:
    """A label that is likely in the middle of a number."""
    positive = (abs(LEFT[n]) < 0.7) ^ (CHANCE[n] < 0.1)
    return [int(positive), f"{LEFT[n]:.3f}", f"{RIGHT[n]:.3f}"]


def test_pairs_where_they_pay() -> None:
    """A label that depends on two numbers together is learned from their pairs."""
    text = proposed(table(["y", "left", "right"], 4_000, exclusive))
    assert taken(text).startswith("pairs")
    config = tomllib.loads(text)
    assert config["learner"]["interactions"] == "pairs"
    assert config["columns"]["left"]["features"] == ["scale", "bins"]


def test_bins_where_they_pay() -> None:
    """A label that rises and falls with a number is learned from its bins; pairs pay nothing."""
    text = proposed(table(["y", "left", "right"], 4_000, bent))
    assert taken(text) == "bins"
    assert "interactions" not in tomllib.loads(text)["learner"]


def test_the_same_file_gives_the_same_config() -> None:
    """All but the rows a second, which the clock says."""
    content = table(["y", "left", "right"], 2_000, exclusive)
    one, two = (re.sub(r" +[\d,]+  (?=[a-z])", "", proposed(content)) for _ in range(2))
    assert one == two


def test_none_is_tried_if_asked() -> None:
    """``--trial none`` leaves the columns as they were inferred, and says nothing of ways."""
    text = proposed(table(["y", "left", "right"], 4_000, exclusive), seconds=0.0)
    assert "Ways to learn" not in text
    assert "features" not in tomllib.loads(text)["columns"]["left"]


def test_too_few_rows_say_so() -> None:
    """Hundreds of rows tell nothing, and the config says that nothing was tried."""
    text = proposed(table(["y", "left", "right"], 400, exclusive))
    assert "No other way to learn was tried" in text
    loaded(text, CONFIG)


def test_heavy_rows_are_not_learned_by_coin() -> None:
    """--coin takes no weight above 1: the ways by it are left out where rows weigh more."""
    content = table(["y", "left", "right", "w"], 2_000, lambda n: [*exclusive(n), 1 + n % 3])
    text = proposed(content, weight_column="w")
    assert "  raw-coin" not in text
    assert taken(text) in ("pairs", "bins", "raw")


def test_more_columns_than_are_crossed() -> None:
    """Of many columns those are crossed that tell most by themselves."""
    names = [f"c{n}" for n in range(30)]

    def cells(n: int) -> Sequence[object]:
        noise = [f"{(n * (31 + k)) % 977}.5" for k in range(28)]
        return [*exclusive(n)[:1], *noise, *exclusive(n)[1:]]

    text = proposed(table(["y", *names], 4_000, cells), profile="best")
    assert taken(text).startswith("pairs")
    columns = tomllib.loads(text)["columns"]
    crossed = [name for name, settings in columns.items() if settings.get("namespace")]
    assert len(crossed) == 24
    assert {"c28", "c29"} <= {*crossed}
    assert len(loaded(text, CONFIG).interactions) == 24 * 23 // 2


def test_late_labels_are_learned_late() -> None:
    """With ``--label-time`` a way is measured without the labels that were not there yet."""
    header = ["at", "y", "group", "known"]

    def cells(n: int) -> Sequence[object]:
        day, hour = divmod(n, 24)
        at = np.datetime64("2024-01-01T00", "h") + 24 * day + hour
        # A day's label is drawn by chance: of use only to whom labels come at once.
        return [at, int(CHANCE[day] < 0.5), f"g{day}", at + np.timedelta64(1000, "h")]

    content = table(header, 2_000, cells)
    at_once = proposed(content, time_column="at", drop=("known",))
    late = proposed(content, time_column="at", label_time="known")
    losses = [float(found[1]) for found in map(MARKED.search, (at_once, late)) if found]
    assert losses[0] < losses[1]
    assert tomllib.loads(late)["columns"]["known"] == {"role": "leak"}


def test_label_times_that_are_none() -> None:
    """A cell of ``--label-time`` that is no time is named with its line."""

    def cells(n: int) -> Sequence[object]:
        return [1_700_000_000 + n, n % 2, n % 7, "soon" if n == 4 else 1_700_009_000]

    content = table(["at", "y", "a", "known"], 1_200, cells)
    with pytest.raises(InferError, match=r"--label-time .*\"known\".*\"soon\" in line 6"):
        proposed(content, time_column="at", label_time="known")


def test_profiles() -> None:
    """Among ways that are nearly as good the profile decides; among equals the loss."""
    losses = [0.5, 0.497, 0.4915, 0.498, 0.4885]
    tried = [Tried(way, loss, 0.7, 0.6, 1.0) for way, loss in zip(WAYS, losses, strict=True)]
    names = {profile: chosen(tried, profile).way.name for profile in Profile}
    assert names == {"fast": "raw-coin", "auto": "bins", "best": "pairs-coin"}


def few(n: int) -> int:
    """One of 30 whole numbers."""
    return int(CHANCE[-1 - n] * 30)


def rising(n: int) -> Sequence[object]:
    """The label is the likelier the larger the number."""
    return [int(CHANCE[n] < 0.2 + few(n) / 50), few(n), f"{RIGHT[n]:.3f}"]


def coded(n: int) -> Sequence[object]:
    """The label depends on which number it is, in no order."""
    return [int(CHANCE[n] < (0.9 if few(n) * 7 % 5 < 2 else 0.1)), few(n), f"{RIGHT[n]:.3f}"]


def test_whole_numbers_are_categories_only_where_that_pays() -> None:
    """Few whole numbers are quantities, unless each one tells something of its own."""
    as_quantity, as_codes = (
        tomllib.loads(proposed(table(["y", "some", "other"], 2_000, cells)))["columns"]["some"]
        for cells in (rising, coded)
    )
    assert as_quantity["kind"] == "numeric"
    assert as_codes["kind"] == "categorical"


def test_whole_numbers_beyond_the_first_are_tried_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """None is a category only because there are many of them."""
    monkeypatch.setattr(column_trials, "MOST_TRIED", 1)

    def cells(n: int) -> Sequence[object]:
        label, some, other = rising(n)
        return [label, some, few(n + 1), few(n + 2), other]

    columns = tomllib.loads(proposed(table(["y", "a", "b", "c", "other"], 2_000, cells)))["columns"]
    assert [columns[name]["kind"] for name in "abc"] == ["numeric"] * 3


def test_the_price_of_what_is_set_aside_and_of_suspects() -> None:
    """What a protected column would add and what a suspect does is told, in figures."""

    def cells(n: int) -> Sequence[object]:
        positive = CHANCE[n] < 0.5
        sex = "f" if positive ^ (CHANCE[-1 - n] < 0.3) else "m"
        tells = positive + LEFT[n] / 3
        return [int(positive), sex, f"{RIGHT[n]:.3f}", f"{tells:.3f}"]

    content = table(["y", "sex", "other", "tells"], 3_000, cells)
    text = proposed(content)
    flowing = re.sub(r"\n# ", " ", text)
    of_sex, of_suspect = (
        [float(each) for each in re.findall(r"0\.\d{3}(?!\d)", sentence)]
        for sentence in (
            re.findall(r'With the column "sex" \(protected\) .*?log loss', flowing)[0],
            re.findall(r'Without the column "tells" \(a suspect\) .*?log loss', flowing)[0],
        )
    )
    assert of_sex[0] > of_sex[1]
    assert of_suspect[0] < 0.6 < of_suspect[1]
    assert tomllib.loads(text)["columns"]["sex"] == {"role": "protected"}


def test_who_has_learned_nothing_gets_no_credit() -> None:
    """Where labels are by chance the cheapest way is taken, not the one with the most to learn."""

    def cells(n: int) -> Sequence[object]:
        return [int(CHANCE[n] < 0.4), f"{LEFT[n]:.3f}", f"{RIGHT[n]:.3f}"]

    assert taken(proposed(table(["y", "left", "right"], 3_000, cells))).startswith("raw")


def test_rows_that_the_learner_does_not_take() -> None:
    """Numbers that would spoil the weights are left out of a trial, as a stream refuses them."""

    def cells(n: int) -> Sequence[object]:
        return [*exclusive(n), [5, "1e30", "-1e30", "1e-30"][n % 4]]

    text = proposed(table(["y", "left", "right", "huge"], 2_000, cells))
    assert taken(text)
    loaded(text, CONFIG)


def telling(n: int, noise: float = 0.35) -> str:
    """A number that tells the label of ``exclusive`` too well to be sure that it is honest."""
    return f"{(exclusive(n)[0] == 1) + noise * LEFT[-1 - n]:.3f}"


def test_a_suspect_that_is_all_there_is() -> None:
    """Without the one column nothing is learned: that is said, and is no error."""
    text = proposed(table(["y", "tells"], 2_000, lambda n: [exclusive(n)[0], telling(n)]))
    assert "there would be nothing to learn from" in re.sub(r"\n# ", " ", text)
    loaded(text, CONFIG)


def test_the_price_of_one_column_more_than_are_crossed() -> None:
    """Beside as many features as can be crossed, a protected one is priced all the same."""
    names = [f"c{n}" for n in range(22)]

    def cells(n: int) -> Sequence[object]:
        noise = [f"{(n * (31 + k)) % 977}.5" for k in range(22)]
        return [*exclusive(n), *noise, "fm"[n % 2]]

    text = proposed(table(["y", "left", "right", *names, "sex"], 3_000, cells), profile="best")
    assert tomllib.loads(text)["learner"]["interactions"] == "pairs"
    assert 'With the column "sex" (protected) the AUC' in re.sub(r"\n# ", " ", text)


def test_a_pair_goes_with_its_column() -> None:
    """What is not learned from cannot be crossed: the pair that helped is left out with it."""
    crossing = Crossing(("left", "right"), 0.6, 0.3, 9.0, 1_000)
    columns = [Decision(name, {"kind": "categorical"}, "") for name in ("left", "right")]
    without = [columns[0], replace(columns[1], settings={"role": "drop"})]
    found = [proposal(WAYS[0], each, {}, [crossing], list).crossings for each in (columns, without)]
    assert found == [[crossing], []]


def test_ways_that_were_not_tried_are_named() -> None:
    """Where the time is over, or rows weigh too much for --coin, the table says what it lacks."""
    content = table(["y", "left", "right", "w"], 2_000, lambda n: [*exclusive(n), 1 + n % 3])
    text = re.sub(r"\n# ", " ", proposed(content, weight_column="w"))
    assert "Not tried: raw-coin (--coin takes no row that weighs more than 1), pairs-coin" in text
    hurried = re.sub(r"\n# ", " ", proposed(content, seconds=1e-9))
    assert "Not tried: raw-coin (the time for trials was over), bins" in hurried
