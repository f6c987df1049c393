"""Blocks of a text, parsed by a few threads from memory and taken in their order.

Arrow's own streaming reader is not used: left half-read, as after an error, it ends the process
now and then instead of leaving (see ``artifacts.native``). The threads here are joined before
anything leaves: an error, an interruption, or a consumer that stops.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count, islice

import pyarrow as pa

from mfcli.events import OnEvent, ignore
from mfcli.sources.readers.cells import LineError
from mfcli.sources.readers.source import count_line_ends
from mfcli.system.processors import available_workers

MOST_THREADS = 4  # parsing more blocks at once costs memory, and the rest does not keep up


@dataclass(eq=False)
class Blocks:
    """The rows of a text, block by block, and which lines they stand on.

    open_pieces: begins to cut the text into pieces of whole rows, and reports on it. parse: piece
    and whether it is the first → its rows; raises LineError with the line of the piece from 0.
    """

    open_pieces: Callable[[OnEvent], Generator[bytes]]
    parse: Callable[[bytes, bool], pa.RecordBatch]
    on_event: OnEvent = ignore
    _rows: list[int] = field(default_factory=list)  # the first of each block, and of the next
    _lines: list[int] = field(default_factory=list)

    def taken(self) -> Generator[pa.RecordBatch]:
        """Yield the rows of each block; raises LineError with the line of the text from 1."""
        self._rows, self._lines = [0], [1]
        workers = min(MOST_THREADS, available_workers())
        waiting: deque[Future[tuple[pa.RecordBatch, int]]] = deque()
        with (
            closing(self.open_pieces(self.on_event)) as pieces,
            ThreadPoolExecutor(workers) as pool,
        ):
            try:
                for number in count():
                    try:
                        piece = next(pieces, None)
                    except LineError as error:
                        failed: Future[tuple[pa.RecordBatch, int]] = Future()
                        failed.set_exception(error)  # once the blocks before it are taken
                        waiting.append(failed)
                        break
                    if piece is None:
                        break
                    waiting.append(pool.submit(self._parsed, piece, number == 0))
                    if len(waiting) > workers:
                        yield self._taken(waiting.popleft())
                while waiting:
                    yield self._taken(waiting.popleft())
            finally:
                for future in waiting:
                    future.cancel()

    def place_of(self, row: int) -> tuple[bytes, int, int]:
        """Return the piece that a row is in, the row within it, and the line it begins on."""
        number = bisect_right(self._rows, row) - 1
        with closing(self.open_pieces(ignore)) as pieces:
            piece = next(islice(pieces, number, None))
        return piece, row - self._rows[number], self._lines[number]

    def _parsed(self, piece: bytes, first: bool) -> tuple[pa.RecordBatch, int]:
        return self.parse(piece, first), count_line_ends(piece)

    def _taken(self, future: Future[tuple[pa.RecordBatch, int]]) -> pa.RecordBatch:
        try:
            batch, lines = future.result()
        except LineError as error:
            raise type(error)(self._lines[-1] + error.line, error.reason) from None
        self._rows.append(self._rows[-1] + len(batch))
        self._lines.append(self._lines[-1] + lines)
        return batch
