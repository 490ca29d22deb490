"""The scores of a request's rows by a served version, in steps that keep nobody waiting."""

from __future__ import annotations

from converters.cells.refusal import Refusal
from converters.convert.row_block import RowBlock
from learners.versions.score_file import block_scores
from serve.http.turns import Work
from serve.live.version_loader import Served


def bounded_scores(served: Served, block: RowBlock) -> Work[tuple[list[float], dict[int, Refusal]]]:
    """The scores of rows in their order, and by their places those that have none."""
    if served.readers.crosses.few(block, served.kind):
        found, without = block_scores(served.learner, block)
        return found, dict(without)
    scores: list[float] = []
    refused: dict[int, Refusal] = {}
    for some in served.readers.crosses.bounded(block, served.kind):
        if before := len(scores) + len(refused):
            yield
        found, without = block_scores(served.learner, some)
        scores += found
        refused |= {before + at: refusal for at, refusal in without.items()}
    return scores, refused
