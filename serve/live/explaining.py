"""What explains the rows of requests: made for each version that is asked, of its own schema.

The file of a baseline is read in a thread, once for each schema; all scoring is done by the event
loop's thread, to which the model belongs, in slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from converters.cells.refusal import Refusal
from converters.config.column_settings import MISSING, TYPICAL
from converters.config.settings import Settings
from converters.convert.row_block import RowBlock
from learners.explain.answers import Row, Wanted, Why
from learners.explain.baseline import Baseline, baseline_of
from learners.explain.row_pieces import RowPieces
from serve.http.thread_pools import Threads
from serve.live.version_loader import Served
from serve.rows.request_rows import Part


class Explaining:
    """Gives what explains a served version's rows.

    Args:
        settings: of the config.
        reads: threads for reading a file.
    """

    def __init__(self, settings: Settings, reads: Threads) -> None:
        self._settings = settings
        self._reads = reads
        self._files: dict[str, Baseline] = {}

    async def of(self, served: Served, asked: str | None, wanted: Wanted) -> Why:
        """What explains the rows of a version, which stays in use meanwhile.

        Args:
            served: the version.
            asked: the baseline: ``missing``, ``typical``, or None for the config's.
            wanted: of each row.

        Raises:
            BaselineError: the baseline cannot be had.
            NoReasonsError: reasons are wanted, and the config gives none.
        """
        of = self._settings.explain.baseline if asked is None else asked
        if of not in served.why:
            baseline = await self._baseline(served, of)
            given = self._settings, served.readers.schema, served.learner, served.kept
            served.why[of] = Why(*given, baseline)
        why = served.why[of]
        why.check(wanted)
        return why

    async def _baseline(self, served: Served, of: str) -> Baseline:
        schema = served.readers.schema
        given = self._settings, schema, RowPieces(schema), served.kept
        if of in (MISSING, TYPICAL):
            return baseline_of(of, *given)
        if schema.hash not in self._files:
            seconds = self._settings.serve.timeout
            self._files[schema.hash] = await self._reads.run(seconds, baseline_of, of, *given)
        return self._files[schema.hash]


def rows_of(
    names: Sequence[str], part: Part, block: RowBlock, refused: Mapping[int, Refusal]
) -> Iterator[Row | None]:
    """The rows of a part as they are explained; None for each that has no score.

    Args:
        names: of the schema's columns.
        part: converted.
        block: what it was converted to.
        refused: its rows without a score, by number; those of the block among them.
    """
    lines = iter(block.lines)
    for at, cells in enumerate(part.cells()):
        if at in block.refused:
            yield None
            continue
        line = next(lines)
        if at in refused or isinstance(cells, Refusal):
            yield None
        else:
            yield Row(dict(zip(names, cells, strict=True)), line)
