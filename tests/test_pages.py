"""``mfcli help``: the pages as a terminal and a pipe show them."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

import mfcli
from mfcli.console import Screen
from mfcli.console.pages import Page, plain_text, without_links
from mfcli.results import HelpResult
from mfcli.stages.help import topics
from mfcli.system.pager import pager

DOCS = Path(mfcli.__file__).parent / "docs"
NAMES = sorted(path.stem for path in DOCS.glob("*.md"))


def source(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


def words(text: str) -> list[str]:
    """Return the words of a page without the marks of Markdown."""
    return re.findall(r"\w[\w-]*", re.sub("[`*]", "", text))


def test_every_page_is_listed_with_what_it_is_about(cli):
    result = cli("help")
    assert result.exit_code == 0
    lines = [line.split(maxsplit=1) for line in result.stdout.partition("\n\n")[0].splitlines()]
    assert sorted(name for name, _ in lines) == NAMES
    assert all(len(title) > 10 for _, title in lines)
    assert json.loads(cli("help", "--json").stdout)["topics"] == topics()


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_gets_every_word_and_nothing_is_cut(cli, name):
    result = cli("help", name)
    assert result.exit_code == 0
    lines = plain_text(without_links(source(name))).splitlines()
    assert [it.split() for it in result.stdout.rstrip().splitlines()] == list(map(str.split, lines))
    assert "\x1b" not in result.stdout
    assert words(result.stdout) == words(without_links(re.sub("```.*", " ", source(name))))


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "reference"])
def test_a_terminal_breaks_no_word(name, width):
    """Of text and tables; lines of code that are longer than the terminal are folded."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, color_system=None)
    console.print(Page(source(name)))
    shown = set(words(out.getvalue()))
    assert all(cell_len(line) <= width for line in out.getvalue().splitlines())
    text = re.sub(r"```.*?```", "", without_links(source(name)), flags=re.DOTALL)
    missing = {word for word in words(text) if len(word) < width - 10} - shown
    assert not missing


def test_links_name_the_command_that_shows_the_page():
    assert without_links("the [table](reference.md#metrics) and `mfcli/docs/files.md`") == (
        "the table (`mfcli help reference`) and `mfcli help files`"
    )
    assert without_links("[here](#below), [there](https://x.org)") == (
        "here, there (https://x.org)"
    )


def test_a_paragraph_is_one_line_and_code_stays_as_it_is():
    text = "# T\n\nTo undo\nthe **night**:\n\n```sh\na  b\nc\n```\n- one `x`\n  more\n- two\n"
    text += "\n| a\\|b |\n"
    assert plain_text(text) == (
        "# T\n\nTo undo the night:\n\n    a  b\n    c\n- one x more\n- two\n\n| a|b |\n"
    )


@given(st.lists(st.sampled_from(["words here", "- item", "", "| a | b |", "## head", "1. one"])))
def test_no_line_of_a_page_is_lost(lines):
    assert plain_text("\n".join(lines)).split() == " ".join(lines).split()


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("trainin", "nearest: training"),
        ("rollback", "mfcli help lists all"),
        ("exit status", "a heading of operations speaks of it"),
        ("recomend", "recommend"),
    ],
)
def test_an_unknown_topic_names_what_is_near(cli, topic, said):
    result = cli("help", topic)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_command_is_a_topic_too(cli):
    shown = cli("help", "train").stdout
    assert shown == cli("train", "--help-all").stdout
    assert cli("help", "nightly").stdout.startswith("# Nights"), "a page comes first"
    assert cli("help", "TRAINING.md").exit_code == 0


def test_an_unknown_topic_names_the_nearest_once(cli):
    """``nightly`` is a page and a command."""
    told = cli("help", "nights")
    assert told.exit_code == 2
    assert told.stderr.count("nightly") == 1


class Terminal(io.StringIO):
    """Standard output of a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("to", "asked", "lines", "paged"),
    [
        (Terminal, "tee", "24", True),
        (Terminal, "tee", "2000", False),
        (Terminal, "cat", "24", False),
        (Terminal, "no-such-pager", "24", False),
        (io.StringIO, "tee", "24", False),
    ],
)
def test_a_page_longer_than_the_terminal_is_shown_in_the_pager(
    to, asked, lines, paged, monkeypatch, tmp_path
):
    for name, value in {"TERM": "xterm", "LINES": lines, "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PAGER", f"{asked} {tmp_path / 'paged'}" if asked == "tee" else asked)
    out = to()
    monkeypatch.setattr(sys, "stdout", out)
    with Screen(as_json=False, quiet=False, data_on_stdout=False) as screen:
        screen.show_result(HelpResult(topic="choosing", text=source("choosing")), {})
    assert (tmp_path / "paged").exists() is paged
    shown = (tmp_path / "paged").read_text("utf-8") if paged else out.getvalue()
    assert "seldom far from the best" in re.sub(r"\s+", " ", shown)
    assert not (paged and out.getvalue())


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({"TERM": "xterm", "PAGER": "sh -c 'x'"}, ["sh", "-c", "x"]),
        ({"TERM": "xterm", "PAGER": ""}, None),
        ({"TERM": "xterm", "PAGER": "sh 'x"}, None),
        ({"TERM": "dumb", "PAGER": "sh"}, None),
        ({"PAGER": "sh"}, None),
    ],
)
def test_the_pager_is_the_one_of_the_environment(environment, command):
    assert pager({"PATH": os.environ["PATH"]} | environment) == command
