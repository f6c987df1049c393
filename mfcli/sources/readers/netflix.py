"""The Netflix Prize's files: a line ``movie:``, and below it ``user,rating,date`` lines."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mfcli.artifacts.native import native_buffer
from mfcli.config.fetch import FetchConfig, Format
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent
from mfcli.sources.readers import lines
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.source import Source, cut_pieces, whole_lines
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import Head

_MOVIE = re.compile(r"\d+:")
_RATING = re.compile(r"\d+,\d+(\.\d+)?,\d{4}-\d\d-\d\d")
_UNRATED = re.compile(r"\d+(,\d{4}-\d\d-\d\d)?")
_CODED = pa.dictionary(pa.int32(), pa.string())


def is_netflix(head: Head) -> bool:
    """Tell the files by their first two lines; raises InputError for one without ratings."""
    first = [line.strip() for line in head.lines[:2]]
    if len(first) < 2 or not _MOVIE.fullmatch(first[0]):
        return False
    if _UNRATED.fullmatch(first[1]):
        raise InputError(
            f"{head.name}: is a list of the Netflix Prize without ratings (probe, qualifying): "
            "give combined_data_1.txt or mv_0000001.txt and the like"
        )
    return _RATING.fullmatch(first[1]) is not None


def read_netflix(
    source: Source, kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read all ratings; raises InputError with the line of what cannot be used."""
    on_event(Noted(f"{source.name}: read as {kind}: item: above the lines of its user,rating,date"))

    def where(row: int) -> str:
        return f"{source.name}, line {lines.line_of(source, row, _count_ratings)}"

    builder = TableBuilder(
        config, columns={"user": "1", "item": "above", "rating": "2", "time": "3"}, where=where
    )
    movie: str | None = None
    with source.open() as stream:
        for block in cut_pieces(stream, whole_lines, on_event, source.size, source.name):
            try:
                movie = _add_block(builder, _cut_markers(block), movie)
            except CellError as error:
                raise InputError(f"{where(error.row)}: {error}: {error.mend}") from None
    return builder


def _cut_markers(text: bytes) -> bytes:
    """Give the line of a movie as many cells as a rating has."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    return (text if text.endswith(b"\n") else text + b"\n").replace(b":\n", b",,\n")


def _count_ratings(line: bytes) -> int:
    line = line.strip()
    return int(bool(line) and not line.endswith(b":"))


def _add_block(builder: TableBuilder, block: bytes, movie: str | None) -> str | None:
    """Add the ratings of whole lines, and return the movie that the last ones are of."""
    names = ["user", "rating", "time"]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(native_buffer(block)),
            read_options=pyarrow.csv.ReadOptions(
                column_names=names, use_threads=False, block_size=len(block) + 1
            ),
            parse_options=pyarrow.csv.ParseOptions(quote_char=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={"user": pa.string(), "rating": _CODED, "time": _CODED},
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        raise CellError(builder.n_rows + _bad_row(block), "is no user,rating,date") from None
    users, ratings, times = (table.column(name).combine_chunks() for name in names)
    is_rating = pc.not_equal(ratings.cast(pa.string()), "")
    mask = is_rating.to_numpy(zero_copy_only=False)
    movies = [movie, *users.filter(pa.array(~mask)).to_pylist()]
    codes = np.cumsum(~mask)[mask].astype(np.int32)
    if movie is None and len(codes) and codes[0] == 0:
        raise CellError(builder.n_rows, "a rating stands above the first movie")
    items = pa.DictionaryArray.from_arrays(
        pa.array(codes), pa.array([name or "" for name in movies], pa.string())
    )
    builder.add(
        users.filter(is_rating), items, ratings.filter(is_rating), _dates(times.filter(is_rating))
    )
    return movies[-1]


def _dates(column: pa.Array) -> pa.Array:
    """Return dates, converted once for each distinct one; as they are where one is no date."""
    used = column.cast(pa.string()).dictionary_encode()
    try:
        return used.dictionary.cast(pa.date32()).take(used.indices)
    except pa.ArrowInvalid:
        return column


def _bad_row(block: bytes) -> int:
    """Return how many ratings stand before the first line that is none."""
    row = 0
    for line in block.split(b"\n"):
        if line.strip() and line.count(b",") != 2:
            break
        row += bool(line.strip()) and not line.endswith(b",,")
    return row
