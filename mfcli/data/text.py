"""Which text is valid Unicode: what UTF-8, and so every file that we write, can hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def is_valid_text(text: str) -> bool:
    """Tell whether a text is without lone surrogates, which JSON can write and UTF-8 cannot."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def are_valid_texts(values: NDArray[np.str_]) -> bool:
    """Tell whether an array holds valid text only: no lone surrogate, nothing beyond U+10FFFF.

    NumPy checks neither, so an array that was read from a file may hold any 32-bit numbers.
    """
    if not values.dtype.isnative:
        return False
    codes = np.ascontiguousarray(values).view(np.uint32)
    if not codes.size or codes.max() < 0xD800:
        return True
    return not bool(((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes <= 0xDFFF))).any())
