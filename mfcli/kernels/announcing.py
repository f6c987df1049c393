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
            "once: mfcli warm-up does so beforehand, for all commands (into the folder that "
            "NUMBA_CACHE_DIR names, if it is set)"
            if kept
            else "in each run: no folder keeps them; name one with NUMBA_CACHE_DIR, and mfcli "
            "warm-up fills it for all commands"
        )
        first = name.strip("_")
        on_event(Noted(f"compiling kernels ({first}, …), which takes some seconds, {how}"))

    with announced(say):
        yield
