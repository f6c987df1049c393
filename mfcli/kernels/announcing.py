"""Saying that kernels are being compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mfcli.events import Noted, OnEvent
from mfcli.kernels.compilation import announced


@contextmanager
def compiling(on_event: OnEvent) -> Iterator[None]:
    """Report the first use of a kernel in this context that has to be compiled."""

    def say(name: str, kept: bool) -> None:
        how = (
            "once: mfcli warm-up does so beforehand, for all commands"
            if kept
            else "in each run: NUMBA_CACHE_DIR can name a folder that keeps them"
        )
        first = name.strip("_")
        on_event(Noted(f"compiling kernels ({first}, …), which takes some seconds, {how}"))

    with announced(say):
        yield
