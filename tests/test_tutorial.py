"""The tutorial, line by line in an empty folder; and what README says of its commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mfcli
from tests import pictures

PAGE = (Path(mfcli.__file__).parent / "docs/tutorial.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::mfcli.errors.MfcliWarning")
def test_every_line_of_the_tutorial_works(cli, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    calls = 0
    for language, content in BLOCKS:
        if language == "python":
            Path("log.py").write_text(content)
        elif language == "toml":
            Path("shop.toml").write_text(content)
        for line in content.splitlines() if language == "sh" else ():
            expected = int((re.search(r"# exit (\d)$", line) or [0, 0])[1])
            words = shlex.split(line, comments=True)
            if words[0] == "mfcli":
                result = cli(*words[1:])
                assert result.exit_code == expected, f"{line}\n{result.stdout}{result.stderr}"
                calls += 1
                continue
            command = line.replace("python ", f"{sys.executable} ", 1)
            env = os.environ | {"PYTHONPATH": str(Path(mfcli.__file__).parent.parent)}
            subprocess.run(command, shell=True, check=True, env=env, capture_output=True)
    assert calls > 15
    assert len(os.readlink("shop/current")) > 10


def test_the_five_commands_print_what_the_readme_shows(cli, tmp_path, monkeypatch) -> None:
    """Figures to 2 %: another processor rounds elsewhere."""
    readme = (Path(mfcli.__file__).parent.parent / "README.md").read_text("utf-8")
    section = readme[readme.index("## Five commands") :]
    (commands, shown) = re.findall(r"^```(?:sh|text)\n(.*?)^```$", section, re.M | re.S)[:2]
    monkeypatch.chdir(tmp_path)
    printed: list[list[str]] = []
    for line in commands.splitlines():
        result = cli(*shlex.split(line)[1:])
        assert result.exit_code == 0, result.stderr
        printed += [row.split() for row in result.stdout.splitlines()]
    for row in shown.splitlines():
        assert row == "…" or any(alike(row.split(), other) for other in printed), row


@pytest.mark.filterwarnings("ignore::mfcli.errors.MfcliWarning")
@pytest.mark.parametrize("page", ["README.md", "mfcli/docs/python.md"])
def test_the_lines_of_python_work(page, tmp_path, monkeypatch) -> None:
    text = (Path(mfcli.__file__).parent.parent / page).read_text("utf-8")
    code = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    frame = mfcli.read("demo", users=300, items=400, ratings=15_000).to_frame()
    frame.set_axis(["user", "item", "rating", "time"], axis=1).to_csv("ratings.csv", index=False)
    names: dict[str, Any] = {}
    for block in code:
        exec(block, names)
    assert names["model"].recommend(users=[1], k=3)["rank"].tolist() == [1, 2, 3]
    assert Path("model.pt").exists()


def test_the_picture_of_the_live_table_is_what_the_command_shows() -> None:
    """Figures to 2 %, as above; make docs draws it anew."""
    assert alike(
        pictures.words(pictures.PATH.read_text("utf-8")), pictures.words(pictures.picture())
    )


def alike(row: list[str], other: list[str]) -> bool:
    return len(row) == len(other) and all(map(close, row, other))


def close(word: str, other: str) -> bool:
    if word == other:
        return True
    try:
        return float(word) == pytest.approx(float(other), rel=0.02)
    except ValueError:
        return False
