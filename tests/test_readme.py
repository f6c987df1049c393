"""The README says what is there: commands, options, presets, make targets, exit statuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mfcli import errors
from mfcli.cli import app
from mfcli.config.choices import Engine, Mode, ModelKind, Objective
from mfcli.config.files import preset_names
from mfcli.config.metrics import METRICS
from mfcli.sources.datasets import DATASETS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [each.callback.__name__ for each in app.registered_commands if each.callback]


def options_of_commands() -> set[str]:
    from typer.main import get_command

    found = {"--version", "--help"}
    for command in get_command(app).commands.values():  # type: ignore[attr-defined]
        for parameter in command.params:
            found.update(parameter.opts + parameter.secondary_opts)
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command):
    assert f"mfcli {command}" in README


def test_every_option_of_the_readme_exists():
    elsewhere = {
        "--editable",
        "--constraint",
        "--peers",  # pip's; of make quality
        "--host",
        "--port",
        "--protocol",
        "--no-dashboard",
        "--nthreads",  # Dask's
        "--tls-ca-file",
        "--tls-cert",
        "--tls-key",
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", README))
    assert named <= options_of_commands() | elsewhere


@pytest.mark.parametrize(
    "word",
    [
        *Mode,
        *ModelKind,
        *Objective,
        *Engine,
        *preset_names(),
        *DATASETS,
        *METRICS,
    ],
)
def test_every_name_that_can_be_chosen_is_in_the_readme(word):
    assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", README)


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"(?:^    |`)make ([a-z]+)", README, re.MULTILINE))
    assert {"demo", "test", "pipeline"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_table_of_exit_statuses_is_that_of_the_errors():
    rows = {int(each) for each in re.findall(r"^\| (\d+) \| ", README, re.MULTILINE)}
    statuses = {
        each.exit_status
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.MfcliError)
    }
    assert rows == statuses | {0}


def test_the_top_level_holds_what_it_should():
    """Besides dotfiles, only what a newcomer looks for."""
    allowed = {
        "pyproject.toml",
        "mfcli",
        "tests",
        "data",
        "artifacts",
        "Makefile",
        "README.md",
        "CHANGELOG.md",
        "mfcli.egg-info",
        "build",
    }
    there = {each.name for each in ROOT.iterdir() if not each.name.startswith(".")}
    assert there <= allowed
