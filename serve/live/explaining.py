"""What explains the rows of requests: made for each version that is asked, of its own schema.

The file of a baseline is read in a thread, once for each schema; all scoring is done by the event
loop's thread, to which the model belongs, in slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from converters.cells.refusal import Refusal
from converters.config.column_settings import MISSING, TYPICAL
from converters.config.settings import Settings
from converters.convert.row_block import RowBlock
from learners.explain.answers import Row, Wanted, Why
from learners.explain.baseline import Baseline, baseline_of
from learners.explain.row_pieces import RowPieces
from learners.line_bounds import BLOCK
from serve.http.problems import TooLargeError
from serve.http.thread_pools import Threads
from serve.http.turns import Work
from serve.live.version_loader import Served
from serve.rows.crosses import MOST_TOGETHER
from serve.rows.request_rows import Part
from serve.rows.row_errors import TOO_MANY_CROSSES

# What of an explanation is in the answer of /predict.
EXPLAINED = ("log_odds", "adjustment", "contributions", "reasons")
# How many features may be scored to explain a row: some 2 s of a processor.
MOST_FEATURES = {"vw": 200_000_000, "river": 4_000_000}


# How many scores a request may take, and rows whatever they take: some seconds, in many slices.
MOST_SCORES, MOST_ROWS = 300_000, 1_000


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


def begun(served: Served, why: Why) -> Work[None]:
    """Score the baseline in steps of bounded length, if it is not scored yet."""
    line = why.first_line
    features = served.readers.crosses.count(line) + line.count(" ") + 1
    yield from why.begin(max(1, min(BLOCK, MOST_TOGETHER[served.kind] // features)))


def check_rows(why: Why, rows: int) -> None:
    """Refuse a request of more rows than can be explained in time.

    Raises:
        TooLargeError: it has too many.
    """
    most = max(1, min(MOST_ROWS, MOST_SCORES // why.scores))
    if rows > most:
        raise TooLargeError(
            f"The request has more than {most:,} rows to be explained, each of which takes "
            f"{why.scores:,} scores. Send fewer at a time, or hold them against fewer rows "
            "(explain.rows); 'freshet explain' takes files of any length."
        )


def rows_of(
    served: Served, why: Why, part: Part, block: RowBlock, refused: Mapping[int, Refusal]
) -> Iterator[Row | Refusal]:
    """The rows of a part as they are explained, or why a row is not.

    Args:
        served: the version.
        why: what explains its rows.
        part: converted.
        block: what it was converted to.
        refused: its rows without a score, by number; those of the block among them.
    """
    lines, names = iter(block.lines), served.readers.schema.names
    for at, cells in enumerate(part.cells()):
        line = "" if at in block.refused else next(lines)
        if at in refused:
            yield refused[at]
        elif isinstance(cells, Refusal):
            yield cells
        else:
            yield _bounded(served, why, Row(dict(zip(names, cells, strict=True)), line))


def _bounded(served: Served, why: Why, row: Row) -> Row | Refusal:
    """The row, in steps of bounded length; refused if it takes too many."""
    features = served.readers.crosses.count(row.line) + row.line.count(" ") + 1
    if features * why.scores > MOST_FEATURES[served.kind]:
        shown = f"{features:,} features, each scored {why.scores:,} times"
        return Refusal(TOO_MANY_CROSSES, "", shown)
    return row._replace(at_once=max(1, min(BLOCK, MOST_TOGETHER[served.kind] // features)))
