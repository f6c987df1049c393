"""What becomes of a call's events: a live display, or Python warnings and nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from mfcli.codes import WarningCode
from mfcli.errors import MfcliWarning
from mfcli.events import Event, OnEvent, Warned, once, without


@contextmanager
def listening(progress: bool, ignored: Collection[WarningCode] = ()) -> Iterator[OnEvent]:
    """Yield a receiver of events: with ``progress`` all are shown, else warnings are warned of.

    Each warning comes once a call, and none whose code is ``ignored``.
    """
    if not progress:
        yield without(ignored, once(_warn))
        return
    from mfcli.console import Screen

    with Screen(as_json=False, quiet=False, data_on_stdout=True) as screen:
        yield without(ignored, screen.show)


def _warn(event: Event) -> None:
    if isinstance(event, Warned):
        warnings.warn(MfcliWarning(event.message, event.code), stacklevel=2)
