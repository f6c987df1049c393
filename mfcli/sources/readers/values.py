"""A column of ratings, chunk by chunk → numbers.

Plain numbers, the usual case, are only converted, once for each distinct text. Another way to write
ratings is one entry of ``_WRITINGS`` or ``_SCALES``; a column is written in one way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.data.ids import MISSING_NUMBERS
from mfcli.data.interactions import Floats
from mfcli.data.text import is_valid_text
from mfcli.sources.readers.cells import CellError, is_string
from mfcli.sources.readers.text import NUMBER, is_number, whole_cell

Mask = NDArray[np.bool_]
Values = NDArray[np.float64]

_N = r"(?P<value>[+-]?[0-9]+(?:[.,][0-9]+)?)"
_FULL, _EMPTY = "★⭐🌟✭✮*", "☆✩✰"
_VARIANT = "\ufe0f"  # behind a symbol, it asks for a coloured picture
_STARS = "stars?|points?|pts?|sternen?|étoiles?|estrellas?"
# A way to write a rating: its name, and what a whole cell looks like, in either case. The number
# is the group ``value``; without one, symbols are counted. ``of`` has to be the same in all rows.
_WRITINGS: dict[str, str] = {
    "decimal comma": r"(?P<value>[+-]?(?:[0-9]*,(?:[0-9]{1,2}|[0-9]{4,})|0?,[0-9]{3}))",
    "comma": r"(?P<value>[0-9]{1,3},[0-9]{3})",  # 1.234 or 1234: told by other rows
    "out of": rf"(?:rated )?{_N} ?(?:/|out of|of|von|sur) ?(?P<of>[0-9]+)(?: ?(?:{_STARS}))?",
    "unit": rf"(?:rated )?{_N}[ -]?(?:{_STARS}|[{_FULL}])\.?",
    "percent": rf"{_N} ?%",
    "symbols": rf"[{_FULL}]+½?[{_EMPTY}]*|½[{_EMPTY}]*",
}
# Words that stand for ratings; a column holds words of one line.
_SCALES: tuple[dict[str, float], ...] = (
    {"true": 1, "false": 0},
    {"t": 1, "f": 0},
    {"yes": 1, "no": 0},
    {"y": 1, "n": 0},
    {"like": 1, "dislike": 0},
    {"liked": 1, "disliked": 0},
    {"likes": 1, "dislikes": 0},
    {"love": 1, "hate": 0},
    {"up": 1, "down": 0},
    {"thumbs up": 1, "thumbs down": 0},
    {"thumbs_up": 1, "thumbs_down": 0},
    {"thumbsup": 1, "thumbsdown": 0},
    {"upvote": 1, "downvote": 0},
    {"👍": 1, "👎": 0},
    {"positive": 1, "negative": 0},
    {"pos": 1, "neg": 0},
    {"good": 1, "bad": 0},
    {"recommended": 1, "not recommended": 0},
    {"interested": 1, "not interested": 0},
    {"fresh": 1, "rotten": 0},
    {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5},
    {  # Goodreads
        "did not like it": 1, "it was ok": 2, "liked it": 3, "really liked it": 4,
        "it was amazing": 5,
    },
)  # fmt: skip
_WORDS = {word: (at, value) for at, scale in enumerate(_SCALES) for word, value in scale.items()}
_PLAIN, _MISSING = "plain", "missing"
_ALIKE = frozenset((_PLAIN, "decimal comma", "comma", "unit"))  # may stand in one column


@dataclass(frozen=True)
class _Example:
    """A text that is written in some way: its row, and what it is read as."""

    row: int
    text: str
    value: float


class RatingColumnBuilder:
    """Collects the chunks of a column of ratings; ``finish`` holds them against each other."""

    def __init__(self) -> None:
        """Start empty; after ``finish``, ``remark`` says how ratings were read."""
        self.remark = ""
        self._chunks: list[Floats] = []
        self._styles: dict[str, list[_Example]] = {}  # ways to write a rating → examples
        self._n_rows = 0

    def add(self, column: pa.Array, there: Mask | None = None) -> Mask | None:
        """Add a chunk: strings, plain or dictionary-encoded, or numbers of any type.

        there: (len(column),) which rows count, None: all. Returns the mask of the rows whose rating
        is missing, None without one; these, and those that do not count, become 0. Raises CellError
        for the first cell that is no rating.
        """
        first = self._n_rows
        rows = np.arange(len(column)) if there is None else np.flatnonzero(there)
        if there is not None:
            column = column.filter(pa.array(there))
        try:
            ratings, absent = self._read(column, first + rows)
        except CellError as error:
            raise CellError(first + int(rows[error.row]), str(error), error.mend) from None
        if there is not None:
            found, missing = ratings, absent
            ratings, absent = np.zeros(len(there), np.float32), np.zeros(len(there), dtype=bool)
            ratings[there], absent[there] = found, missing
        self._chunks.append(ratings)
        self._n_rows += len(ratings)
        return absent if absent.any() else None

    def extend(self, other: RatingColumnBuilder) -> None:
        """Append the chunks of another builder; it is used up."""
        for style, examples in other._styles.items():
            moved = [_Example(e.row + self._n_rows, e.text, e.value) for e in examples]
            self._styles.setdefault(style, []).extend(moved)
        self._chunks += other._chunks
        self._n_rows += other._n_rows

    def finish(self) -> Floats | None:
        """Return the ratings of all rows, (R,) float32, None without a chunk; it is used up.

        Raises CellError for a rating that is written otherwise than others, or that is not clear.
        """
        if not self._chunks:
            return None
        self._check_styles()
        whole = np.concatenate(self._chunks)
        self._chunks.clear()
        return whole

    def _read(self, column: pa.Array, rows: NDArray[Any]) -> tuple[Floats, Mask]:
        """Return the ratings of a chunk, and which are missing."""
        if is_string(column.type):
            column = column.dictionary_encode()
        if pa.types.is_dictionary(column.type):
            codes = pc.fill_null(column.indices.cast(pa.int64()), len(column.dictionary))
            codes = codes.to_numpy()
            tokens = column.dictionary
            if is_string(tokens.type):
                values = self._read_tokens(tokens.cast(pa.string()), codes, rows)
            else:
                values = tokens.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            values = np.append(values, np.nan)[codes]
        else:
            values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        absent = np.isnan(values)
        with np.errstate(over="ignore"):
            ratings = values.astype(np.float32)
        if absent.any():
            ratings[absent] = 0
        finite = np.isfinite(ratings)
        if not finite.all():
            row = int(np.argmin(finite))
            raise _no_rating(row, column[row].as_py())
        return ratings, absent

    def _read_tokens(self, tokens: pa.Array, codes: NDArray[Any], rows: NDArray[Any]) -> Values:
        """Return the number of each distinct text, NaN for a missing one."""
        tokens = pc.utf8_trim_whitespace(tokens)
        number = pc.fill_null(pc.match_substring_regex(tokens, whole_cell(NUMBER)), False)
        safe = pc.if_else(number, pc.utf8_ltrim(tokens, "+"), "nan")
        values: Values = safe.cast(pa.float64()).to_numpy(zero_copy_only=False)
        plain = number.to_numpy(zero_copy_only=False)
        if plain.all() and (_PLAIN in self._styles or not len(codes)):
            return values
        values = values.copy()
        styles = np.where(plain, _PLAIN, "").astype(object)
        odd = np.flatnonzero(~plain)
        styles[odd], values[odd] = _read_odd(tokens.take(pa.array(odd)))
        for style in dict.fromkeys(styles.tolist()):
            of_style = np.append(styles == style, False)[codes]
            if style == _MISSING or not of_style.any():
                continue  # a dictionary of a file may hold what no row uses
            at = int(np.argmax(of_style))
            if not style:
                raise _no_rating(at, tokens[int(codes[at])].as_py())
            self._note(style, at, tokens, codes, rows, values)
            if style.startswith("words"):  # of which another one means something else
                others = of_style & (np.append(values, np.nan)[codes] != values[codes[at]])
                if others.any():
                    self._note(style, int(np.argmax(others)), tokens, codes, rows, values)
        return values

    def _note(
        self,
        style: str,
        at: int,
        tokens: pa.Array,
        codes: NDArray[Any],
        rows: NDArray[Any],
        values: Values,
    ) -> None:
        """Keep the first example of a style, and the first of another value than that."""
        code = int(codes[at])
        example = _Example(int(rows[at]), tokens[code].as_py(), float(values[code]))
        known = self._styles.setdefault(style, [])
        another = len(known) == 1 and known[0].value != example.value and style.startswith("words")
        if not known or another:
            known.append(example)

    def _check_styles(self) -> None:
        """Raise CellError where ways to write a rating do not go together; say how it was read."""
        firsts = sorted(self._styles.items(), key=lambda style: style[1][0].row)
        if len(firsts) > 1 and not _ALIKE.issuperset(self._styles):
            (_, (usual, *_)), (_, (other, *_)) = firsts[:2]
            raise CellError(
                other.row,
                f"the rating {other.text[:40]!r} is written otherwise than {usual.text[:40]!r} in "
                "other rows",
                "write all ratings in one way, or remove that line",
            )
        if "comma" in self._styles and "decimal comma" not in self._styles:
            unclear = self._styles["comma"][0]
            raise CellError(
                unclear.row,
                f"the rating {unclear.text!r} can be read as {unclear.value:g} or as "
                f"{unclear.text.replace(',', '')}, and no row tells which",
                "write it without the comma",
            )
        said = [
            f"{example.text[:40]!r} as {example.value:g}"
            for style, examples in firsts
            if style != _PLAIN
            for example in examples
        ]
        if said:
            self.remark = f"the rating is read as a number: {', '.join(said)}"


def are_ratings(cells: Sequence[str]) -> bool:
    """Tell whether each cell of text is a rating, in whatever way it is written."""
    odd = [cell for cell in cells if not is_number(cell)]
    if not all(map(is_valid_text, odd)):
        return False
    return not odd or bool((_read_odd(pa.array(odd, pa.string()))[0] != "").all())


def _no_rating(row: int, cell: Any) -> CellError:
    reason = f"the rating {str(cell)[:40]!r} is not a finite number"
    if not isinstance(cell, str):
        return CellError(row, reason)
    return CellError(
        row,
        reason,
        "mend or remove that line, or take another column or none: --columns rating=NAME or "
        "rating=none",
    )


def _read_odd(tokens: pa.Array) -> tuple[NDArray[np.object_], Values]:
    """Return how texts that are no plain numbers are written ("" where unknown), and their value.

    The way includes what has to be the same in all rows: the scale of words, and what a rating is
    out of.
    """
    styles = np.full(len(tokens), "", dtype=object)
    values = np.full(len(tokens), np.nan)
    tokens = pc.replace_substring(pc.fill_null(tokens, ""), _VARIANT, "")
    lowered = pc.utf8_lower(tokens)
    styles[_mask(pc.is_in(lowered, pa.array(sorted(MISSING_NUMBERS))))] = _MISSING
    word = pc.fill_null(pc.index_in(lowered, pa.array(list(_WORDS))), -1).to_numpy()
    scales, numbers = zip(*_WORDS.values(), strict=True)
    is_word = (word >= 0) & (styles == "")
    styles[is_word] = [f"words {scales[at]}" for at in word[is_word]]
    values[is_word] = np.array(numbers)[word[is_word]]
    for name, pattern in _WRITINGS.items():
        found = pc.extract_regex(tokens, pattern=f"(?i)^(?:{pattern})$")
        new = _mask(found.is_valid()) & (styles == "")
        if not new.any():
            continue
        texts = tokens.filter(pa.array(new))
        found = found.filter(pa.array(new))
        parts = dict(zip((part.name for part in found.type), found.flatten(), strict=True))
        of = parts["of"].to_pylist() if "of" in parts else [""] * len(texts)
        styles[new] = [f"{name} {most}".rstrip() for most in of]
        if name == "symbols":
            full = pc.count_substring_regex(texts, f"[{_FULL}]").to_numpy()
            values[new] = full + 0.5 * pc.count_substring(texts, "½").to_numpy()
        else:
            decimal = pc.replace_substring(pc.utf8_ltrim(parts["value"], "+"), ",", ".")
            values[new] = decimal.cast(pa.float64()).to_numpy()
    return styles, values


def _mask(array: pa.Array) -> Mask:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)
