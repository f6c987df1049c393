"""What may be believed of a document in torch's format before it is used.

An artifact may come from anywhere: a list that holds itself can stand for more than there is. That
arrays lie whole in the file has been checked where they were read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mfcli.artifacts.meta import DEEPEST


def check_document(document: Any, size: int) -> None:
    """Raise ValueError for a document read from ``size`` bytes that stands for more than those.

    That is: lists and tables that are shared many times, hold themselves or lie deep in each
    other, and values of other types than arrays, text, numbers, True, False and None.
    """
    left = 10 * size + 1000  # an honest value takes a byte at least, a shared one a few
    waiting: list[tuple[Any, int]] = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list | tuple):
            left -= len(value)
            if left < 0 or depth > DEEPEST:
                raise ValueError("its lists and tables hold themselves, or one part many times")
            parts = value.values() if isinstance(value, dict) else value
            waiting.extend((part, depth + 1) for part in parts)
        elif not isinstance(value, np.ndarray | str | bool | int | float | None):
            raise ValueError(f"it holds a {type(value).__name__}")
