"""The cells that are kept for measuring: one value is one slice, however it is spelt."""

from __future__ import annotations

from converters.config.learning_settings import LateLabelSettings
from stream.log.batch import EventRows
from stream.log.contract import Place, Record
from stream.reading.conversion import record_reader
from tests.support.streams.folds import context


def test_slices_hold_each_value_once() -> None:
    """1 and 1.0 of a protected column are one; of a refused row nothing is kept."""
    value = b'[{"sex": 1.0}, {"sex": "1"}, {"sex": true}, {"sex": "True"}, {"amount": "x"}]'
    record = Record(Place("m.events", 0), 0, 1, value)
    (taken,) = record_reader(context(LateLabelSettings(), 50)).read([record])
    assert isinstance(taken, EventRows)
    assert taken.passthrough == [("1",), ("1",), ("true",), ("true",), ()]
