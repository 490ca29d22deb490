"""Writes outputs one batch behind the fold: a commit's waiting costs the learner no time.

Stands between :mod:`stream.learner.loop` and the log's :class:`~stream.log.contract.OutputWriter`. What is still
under way when the process dies was not written, and the journal does not name it; a checkpoint
waits for :meth:`OutputThread.settle`, so that it never holds what was not output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from stream.log.contract import Outgoing, OutputWriter, Place


class OutputThread:
    """Transactions in order, at most one under way.

    Attributes:
        reached: the next offset of each partition written to, of what has settled.
    """

    def __init__(self, writer: OutputWriter) -> None:
        self._writer = writer
        self._thread = ThreadPoolExecutor(1, "outputs")
        self._under_way: Future[dict[Place, int]] | None = None
        self.reached: dict[Place, int] = {}

    def write(self, outputs: Mapping[str, Sequence[Outgoing]]) -> None:
        """Begin a transaction once the one before has settled; raises what that one raised."""
        self.settle()
        self._under_way = self._thread.submit(self._writer.write, outputs)

    def settle(self) -> None:
        """Return when everything is on disk.

        Raises:
            LogError: the transaction failed; see :meth:`stream.log.contract.OutputWriter.write`.
        """
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            self.reached |= under_way.result()

    def close(self) -> None:
        """Wait for what is under way, however it ends."""
        self._thread.shutdown()
