"""The sketches behind ``freshet check``: exact while small, within their error beyond."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.sampling.reservoir import Reservoir, RowSample
from converters.sampling.sketches import HashSample, hashes


def sketched(texts: Sequence[str], capacity: int, block: int = 500) -> HashSample:
    """A sketch that took these texts, block by block."""
    sketch = HashSample(capacity)
    for first in range(0, len(texts), block):
        taken = texts[first : first + block]
        sketch.add(hashes(taken), np.ones(len(taken), np.int64))
    return sketch


@given(st.lists(st.text(max_size=3)), st.integers(1, 7))
def test_few_values_are_counted_exactly(texts: list[str], block: int) -> None:
    """Below its capacity a sketch counts: different values, and those that came before."""
    sketch = sketched(texts, 1000, block)
    assert (sketch.distinct().count, sketch.distinct().exact) == (len(set(texts)), True)
    assert sketch.repeats().count == len(texts) - len(set(texts))


def values(kind: str) -> list[str]:
    """24,000 values of which 16,000 are different, of a shape that a weak hash would not spread."""
    shapes = {
        "counting": "{0}",
        "padded": "{0:016d}",
        "binary": "{0:032b}",
        "long": f"{'x' * 300}{{0}}",
        "unicode": "{1}\U0001f600{2}",
    }
    return [
        shapes[kind].format(i, chr(0x4E00 + i % 4_000), chr(0x1F600 + i // 4_000))
        for i in (number % 16_000 for number in range(24_000))
    ]


@pytest.mark.parametrize("kind", ["counting", "padded", "binary", "long", "unicode"])
def test_many_values_are_estimated_within_the_error(kind: str) -> None:
    """The truth lies within one and a half margins, and no order of the values changes anything."""
    made = values(kind)
    orders = (made[::-1], sorted(made), random.Random(3).sample(made, len(made)))
    sketch = sketched(made, 2048)
    distinct, repeats = sketch.distinct(), sketch.repeats()
    assert abs(distinct.count - 16_000) <= 1.5 * distinct.margin <= 1_800
    assert abs(repeats.count - 8_000) <= 1.5 * repeats.margin <= 1_800
    for order in orders:
        again = sketched(order, 2048, 777)
        assert (again.distinct(), again.repeats()) == (distinct, repeats)


def test_margins_hold_as_often_as_they_say() -> None:
    """Over 100 files the truth lies within the margin of different values in about 95 of 100."""
    dice = random.Random(11)
    held = 0
    for _ in range(100):
        texts = [f"{dice.getrandbits(50):x}" for _ in range(3_000)]
        estimate = sketched(texts, 256).distinct()
        held += abs(estimate.count - 3_000) <= estimate.margin
    assert 0.9 <= held / 100 <= 0.99


def test_no_repeats_are_none_with_a_bound() -> None:
    """Where no repeat was seen in a sample, the estimate is none, and its margin says how sure."""
    repeats = sketched([str(i) for i in range(10_000)], 1000).repeats()
    assert (repeats.count, repeats.exact) == (0, False)
    assert 30 <= repeats.margin <= 60


def test_hashes_are_the_same_for_ever() -> None:
    """Hashes do not depend on the process; a change would change what reports estimate."""
    assert hashes(["", "a", "UA", "日本"]).tolist() == [
        *(0, 10380660847855306899, 9418953563746266079, 9903876395676249570),
    ]


def test_hashes_tell_texts_apart() -> None:
    """Texts that count up have as many hashes, which fill all eighths alike."""
    found = hashes([f"id-{i}" for i in range(200_000)])
    assert len(np.unique(found)) == 200_000
    shares = np.bincount((found >> np.uint64(61)).astype(np.int64)) / 200_000
    assert np.allclose(shares, 1 / 8, atol=0.003)


def offered(rows: int, most: int, block: int = 1000, size: int = 1) -> RowSample:
    """A sample of rows that hold their number."""
    sample = RowSample(",", most)
    for first in range(0, rows, block):
        numbers = range(first, min(first + block, rows))
        texts = [f"{number},{'x' * size}".encode() for number in numbers]
        sample.offer(texts, np.array([number % 2 for number in numbers], np.int8))
    return sample


def test_a_small_file_is_sampled_whole() -> None:
    """Up to its size the sample is the file, in order."""
    sample = offered(100, 100, 7)
    sampled = sample.sampled()
    assert sampled.whole
    assert list(sample.columns(2)) == [[str(i) for i in range(100)], ["x"] * 100]
    assert sampled.labels.tolist() == [0, 1] * 50
    assert sampled.second.tolist() == [False] * 50 + [True] * 50
    assert sampled.rank_margin == 0


def test_each_row_has_the_same_chance() -> None:
    """A sample of a tenth holds a tenth of each tenth of the file, and each row once."""
    sample = offered(50_000, 5_000)
    sampled = sample.sampled()
    (numbers, _) = sample.columns(2)
    assert [int(number) for number in numbers] == sampled.ordinals.tolist()
    assert len(set(numbers)) == sampled.rows == 5_000
    tenths = Counter(int(number) // 5_000 for number in numbers)
    assert all(400 <= tenths[tenth] <= 600 for tenth in range(10))


def test_wide_rows_give_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is bounded in bytes as well."""
    monkeypatch.setattr("converters.sampling.reservoir.MOST_BYTES", 100_000)
    assert 90 <= offered(2_000, 5_000, 50, 1_000).sampled().rows <= 100


def test_quoted_rows_are_read_back() -> None:
    """Cells that need quotes come back as they were."""
    sample = RowSample(";")
    sample.offer([b'"a;b";c', b'"say ""x""";"1\n2"'], np.array([0, 1], np.int8))
    assert list(sample.columns(2)) == [["a;b", 'say "x"'], ["c", "1\n2"]]


@given(
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 30)), unique_by=lambda r: r[0]
    ),
    st.integers(1, 5),
    st.integers(1, 60),
)
def test_the_lowest_lots_that_fit_are_kept(
    rows: list[tuple[float, int]], most: int, most_bytes: int
) -> None:
    """Whenever rows are evicted, those kept are the lowest lots that fit, in their order."""
    reservoir: Reservoir[int] = Reservoir(most, most_bytes)
    for row, (lot, size) in enumerate(rows):
        reservoir.offer(lot, size, row)
    lowest = sorted(range(len(rows)), key=lambda row: rows[row][0])[:most]
    while len(lowest) > 1 and sum(rows[row][1] for row in lowest) > most_bytes:
        lowest.pop()
    assert reservoir.kept() == ([rows[row][0] for row in sorted(lowest)], sorted(lowest))
