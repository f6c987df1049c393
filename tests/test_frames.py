"""From the command line to the work it is a short walk, which a reader can take."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("frames")
    frames.prepare(made)
    return made


@pytest.mark.parametrize("name", frames.WALKS)
def test_at_most_ten_frames_lie_between_the_command_line_and_the_work(
    name: str, folder: Path
) -> None:
    found = frames.WALKS[name](folder)
    assert found[0].startswith("mfcli/cli/")
    assert len(found) <= frames.MOST, "\n".join(found)


def test_a_stage_is_the_fourth_frame(folder: Path) -> None:
    """The entry, the registered command and the command's function come before it."""
    found = frames.WALKS["minibatch"](folder)
    assert [step.partition(":")[0] for step in found[:4]] == [
        "mfcli/cli/app.py",
        "mfcli/cli/app.py",
        "mfcli/cli/commands.py",
        "mfcli/stages/train.py",
    ]
