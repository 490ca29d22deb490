"""The text that Freshet's learner gets of a log, for Vowpal Wabbit alone to learn.

Run as a process of its own: python -m benchmarks.ready_text CONFIG FILE. Writes a line of JSON, the
arguments of the learner and of each shadow, and then the lines in the learner's order.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TextIO

from vowpalwabbit.pyvw import Workspace

from converters.config import load
from converters.schema import schema
from learners.learner import LearnerSpec, LineBlock
from learners.vw.learner import VWLearner
from stream.fold.pipeline import new_pipeline
from stream.log.topics import create_topics, described, ends_of
from stream.open_log import opened
from stream.reading.assignment import Assignment
from stream.reading.batch_source import local_batches
from stream.reading.merge import BATCH_ROWS
from stream.resolved_config import resolve


class Recording(VWLearner):
    """Learns as ever, and writes down what."""

    def __init__(self, spec: LearnerSpec, file: TextIO) -> None:
        super().__init__(spec, Workspace(arg_list=list(spec.args)))
        self._file = file

    def step(self, lines: Sequence[str]) -> list[float]:
        """Write the lines, and learn them."""
        self._file.writelines(f"{line}\n" for line in lines)
        return super().step(lines)

    def step_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """Write the text, and learn it."""
        self._file.writelines(block.text for block in blocks)
        return super().step_blocks(blocks)


def main(toml: str, path: str) -> None:
    """Fold the log from its start to its end."""
    settings = load.load(Path(toml))
    context = resolve(settings, schema.from_settings(settings))
    with closing(opened(settings)) as event_log, Path(path).open("w", encoding="utf-8") as file:
        topics = create_topics(event_log, settings)
        ends = ends_of(described(event_log, topics.inputs))
        assignment = Assignment(context, dict.fromkeys(ends, 0), {}, [], ends, BATCH_ROWS)
        pipeline = new_pipeline(context, 1)
        scoring = pipeline.scoring
        specs = [context.spec, *(shadow.spec for shadow in scoring.shadows)]
        file.write(json.dumps([list(spec.args) for spec in specs]) + "\n")
        scoring.learner = Recording(context.spec, file)
        with local_batches(event_log, assignment) as batches:
            for batch in batches:
                pipeline.take(batch, write=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
