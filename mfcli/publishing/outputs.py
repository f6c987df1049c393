"""A file that replaces an earlier one when it is whole, or standard output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mfcli.artifacts import (
    Describe,
    atomic_path,
    keep_as_previous,
    output_lock,
    previous_of,
    real_output,
    refuse_input_as_output,
)
from mfcli.system.streams import standard_output


@contextmanager
def replaced_output(
    out: Path,
    inputs: Sequence[Path | str | None],
    *,
    wait: float = 0.0,
    keep_previous: bool = False,
    describe: Describe | None = None,
) -> Iterator[Path]:
    """Yield the path of a file to write, which replaces ``out`` when the ``with`` ends well.

    inputs: files that ``out`` must not be; wait: seconds to wait for another run that writes it;
    keep_previous: keep what is replaced as ``out``.previous; describe: as ``atomic_path`` has it.
    Raises UsageError, LockedError.
    """
    target = real_output(out)
    if keep_previous:
        real_output(previous_of(target))
    refuse_input_as_output(out, *inputs)
    with output_lock(out, wait), atomic_path(out, describe) as temporary:
        yield temporary
        if keep_previous:
            keep_as_previous(out)


@contextmanager
def output_stream(
    out: Path | None,
    inputs: Sequence[Path | str | None],
    *,
    wait: float = 0.0,
    keep_previous: bool = False,
    describe: Describe | None = None,
) -> Iterator[IO[bytes]]:
    """Yield a binary stream to a file as ``replaced_output`` has it; None is standard output."""
    if out is None:
        yield standard_output().buffer
        return
    replaced = replaced_output(
        out, inputs, wait=wait, keep_previous=keep_previous, describe=describe
    )
    with replaced as temporary, temporary.open("wb") as stream:
        yield stream
