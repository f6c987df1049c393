"""Saying that kernels are being compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mfcli.events import Noted, OnEvent
from mfcli.kernels.compilation import announced


@contextmanager
def compiling(on_event: OnEvent) -> Iterator[None]:
    """Report the first use of a kernel in this context that has to be compiled."""

    def say(kept: bool) -> None:
        kept_or_not = (
            "kept for later runs" if kept else "NUMBA_CACHE_DIR can name a folder that keeps it"
        )
        on_event(Noted(f"compiling kernels, which takes some seconds ({kept_or_not})"))

    with announced(say):
        yield
