"""Draws the live table of a training as README shows it: mfcli/docs/live.svg.

The events are those of a real run on the built-in sample, which the real screen shows; only the
clock is replaced, an epoch taking a fifth of a second, so that each run draws the same picture.

python -m tests.pictures        # or: make docs
"""

from __future__ import annotations

import io
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from rich.console import Console, Group
from rich.text import Text

from mfcli.config import FetchConfig, SplitConfig, TrainConfig
from mfcli.config.choices import Objective
from mfcli.console.screen import Screen
from mfcli.events import EpochResult, Event, Progress
from mfcli.stages.fetch import fetch
from mfcli.stages.split import split
from mfcli.stages.train import train

PATH = Path(__file__).parent.parent / "mfcli/docs/live.svg"
COMMAND = "mfcli train likes/train.npz --valid likes/valid.npz --objective ials --metric ndcg@10"
WIDTH = 96
SECONDS = 0.2  # of an epoch
SHOWN = 0.6  # of the epochs: the picture is of a training that goes on


def events() -> list[Event]:
    """Return what the command says while it trains."""
    found: list[Event] = []
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        fetch("demo", there / "demo.npz", FetchConfig())
        split(there / "demo.npz", there / "likes", SplitConfig(threshold=4.0, valid=True))
        config = TrainConfig(
            objective=Objective.ials, valid=str(there / "likes/valid.npz"), metric=["ndcg@10"]
        )
        train(there / "likes/train.npz", there / "likes.pt", config, found.append)
    return found


def screen_of(happened: list[Event]) -> Group:
    """Return what the screen shows in the middle of a training."""
    epochs = [event for event in happened if isinstance(event, EpochResult)]
    last = epochs[round(SHOWN * len(epochs))]
    out = io.StringIO()
    with (
        patch("mfcli.console.screen.time") as time,
        Screen(as_json=False, quiet=False, data_on_stdout=False) as screen,
    ):
        time.perf_counter.return_value = 0.0
        screen.err = Console(file=out, force_terminal=True, width=WIDTH, height=24)
        for event in happened:
            if isinstance(event, EpochResult):
                time.perf_counter.return_value += SECONDS
                rows = screen._training.n_ratings if screen._training else 0
                event = replace(event, seconds=SECONDS, ratings_per_second=rows / SECONDS)
            screen.show(event)
            if isinstance(event, EpochResult) and event.epoch == last.epoch:
                screen.show(Progress(rows * 2 // 5, rows))
                break
        assert screen._live is not None
        shown = screen._live.renderable
    said = [
        Text(line) for line in plain_lines(out.getvalue()) if line.startswith(("training", "by"))
    ]
    return Group(Text(f"$ {COMMAND}"), *said, shown)


def plain_lines(text: str) -> list[str]:
    """Return the lines of a terminal without its codes."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "").splitlines()


def picture() -> str:
    """Return the picture, which fetches no font."""
    console = Console(
        file=io.StringIO(), record=True, width=WIDTH, force_terminal=True, color_system="truecolor"
    )
    console.print(screen_of(events()))
    svg = console.export_svg(title="mfcli", unique_id="live")
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL)


def words(svg: str) -> list[str]:
    """Return what is written in a picture."""
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg)).replace("&#160;", " ").split()


if __name__ == "__main__":
    PATH.write_text(picture(), "utf-8")
