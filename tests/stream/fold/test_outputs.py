"""What the learner writes beside each row."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from stream.fold.outputs import SAME_AS_REPR, score_texts


@given(st.lists(st.floats(0, 1) | st.floats(0, 1, width=32)))
@example([0.0, 1.0, 5e-324, 1e-7, 9.999999999999999e-05, SAME_AS_REPR, 0.1 + 0.2])
def test_scores_are_written_as_repr_writes_them(scores: list[float]) -> None:
    """All digits that are needed and no more, the small ones with their exponent."""
    assert score_texts(scores) == [repr(score) for score in scores]
