"""Counts the frames of mfcli's own between the command line and the work: kernels and bytes.

python -m tests.frames

A walk is the stack at the moment when a compiled kernel is called, or the bytes of the table are
written: the frames whose file lies in mfcli/, from the entry on. Where a thread of a pool calls the
kernel, its frames follow those of the main thread, which waits for it.
"""

from __future__ import annotations

import functools
import io
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import pytest
import torch

import mfcli
from mfcli.cli import main
from mfcli.config import Objective
from mfcli.kernels import solve_rows
from mfcli.training.engines import least_squares
from mfcli.training.engines.passes import PASSES

HOME = Path(mfcli.__file__).parent
MOST = 10  # frames
COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>")  # no frames any more in Python 3.12

Walk = list[str]
Note = Callable[[Callable[..., Any]], Callable[..., Any]]


def walk(frame: FrameType | None) -> Walk:
    """Return mfcli's own frames from the entry down to ``frame``, each as "file: function"."""
    found: Walk = []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(HOME) and frame.f_code.co_name not in COMPREHENSIONS:
            found.append(f"{path.relative_to(HOME.parent)}: {frame.f_code.co_qualname}")
        frame = frame.f_back
    return found[::-1]


def whole_walk() -> Walk:
    """Return the walk to the caller of the caller, that of the main thread before a worker's."""
    here = walk(sys._getframe(2))
    boss = threading.main_thread()
    if threading.current_thread() is boss:
        return here
    assert boss.ident is not None
    return walk(sys._current_frames()[boss.ident]) + here


def run(words: str, folder: Path) -> None:
    """Run a command line in this process; {} stands for the folder."""
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended:
            main([word.format(folder) for word in f"{words} --quiet".split()])
    finally:
        signal.signal(signal.SIGINT, before)  # a command that ends ignores it
    assert not ended.value.code, words


def prepare(folder: Path) -> None:
    """Make data.npz and model.pt, which the walks need."""
    run("fetch demo --out {}/data.npz --users 60 --items 40 --ratings 900", folder)
    run("train {}/data.npz --out {}/model.pt --epochs 1 --factors 4", folder)


def sgd_pass(objective: Objective, note: Note) -> Any:
    """Note the calls of the compiled pass of an objective."""
    noted = PASSES[objective]._replace(kernel=note(PASSES[objective].kernel))
    return patch.dict(PASSES, {objective: noted})


def least_squares_rows(note: Note) -> Any:
    """Note the calls of the compiled solver of rows."""
    return patch.object(least_squares, "solve_rows", note(solve_rows))


def torch_step(note: Note) -> Any:
    """Note the calls of torch's gradients."""
    return patch.object(torch.Tensor, "backward", note(torch.Tensor.backward))


# The options of a training, and what notes the calls of the function that does its work.
TRAININGS: dict[str, tuple[str, Callable[[Note], Any]]] = {
    "hogwild mse": (
        "--engine hogwild --objective mse",
        functools.partial(sgd_pass, Objective.mse),
    ),
    "hogwild bpr": (
        "--engine hogwild --objective bpr",
        functools.partial(sgd_pass, Objective.bpr),
    ),
    "als ials": ("--engine als --objective ials", least_squares_rows),
    "minibatch": ("--engine minibatch --optimizer adam", torch_step),
}


def walk_of_training(name: str, folder: Path) -> Walk:
    """Return the longest walk to the kernel within an epoch of a training."""
    options, patched = TRAININGS[name]
    walks: list[Walk] = []

    def note(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            walks.append(whole_walk())
            return original(*args, **named)

        return call

    with patched(note):
        run(f"train {{}}/data.npz --out {{}}/other.pt --epochs 1 --factors 4 {options}", folder)
    # Kernels are also called once to be compiled, before the first epoch.
    return max((found for found in walks if any(".epoch" in step for step in found)), key=len)


def walk_of_recommend(folder: Path) -> Walk:
    """Return the longest walk of the calling thread to the bytes of a table of recommendations."""
    walks: list[Walk] = []

    def note(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ == "write":
            stream = getattr(called, "__self__", None)
            if isinstance(stream, io.BufferedWriter) and "recs.csv" in str(stream.name):
                walks.append(walk(frame))

    sys.setprofile(note)
    try:
        run("recommend {}/model.pt --out {}/recs.csv", folder)
    finally:
        sys.setprofile(None)
    return max(walks, key=len)


WALKS: dict[str, Callable[[Path], Walk]] = {
    **{name: functools.partial(walk_of_training, name) for name in TRAININGS},
    "recommend": walk_of_recommend,
}


def show() -> None:
    """Print every walk."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        prepare(folder)
        for name, find in WALKS.items():
            found = find(folder)
            print(f"{name}: {len(found)} frames", *found, sep="\n    ")  # noqa: T201


if __name__ == "__main__":
    show()
