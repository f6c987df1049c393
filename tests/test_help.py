"""Help teaches: two examples, what matters first, whole words, and the page that says more."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from typer.main import get_command

import mfcli
from mfcli.cli import app
from mfcli.cli.guides import GUIDES
from mfcli.cli.helping import ABOUT, about_of, called, panels
from mfcli.config import TrainConfig
from mfcli.config.choices import Choice
from mfcli.config.describing import cli_fields, default_text
from mfcli.config.files import preset_names
from mfcli.config.metrics import METRICS
from mfcli.config.roles import Tier

GROUP = get_command(app)
COMMANDS = GROUP.commands  # type: ignore[attr-defined]
WIDTHS = ("60", "80", "100", "120", None)  # None: a pipe that says nothing


def help_of(cli, *words: str, width: str | None = "80") -> str:
    result = cli(*words, env={"COLUMNS": width})
    assert result.exit_code == 0
    return result.stdout


def test_every_command_has_a_guide():
    assert set(GUIDES) == set(COMMANDS) == set(ABOUT)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_word_is_broken_and_no_line_is_too_long(cli, command, width):
    """All words of the declarations stand in the help, whole."""
    shown = help_of(cli, command, "--help-all", width=width)
    words = set(shown.split())
    for option in COMMANDS[command].params:
        if option.help and not getattr(option, "hidden", False):
            assert set(option.help.split()) <= words, option.name
        if option.param_type_name == "option" and not option.hidden:
            assert called(option) in shown
    for line in shown.splitlines():
        room = int(width or 80)
        assert len(line) <= room or len(line.split()) == 1 or "mfcli" in line, line


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_the_commands_has_all_of_them(cli, width):
    shown = help_of(cli, "-h", width=width)
    for name, command in COMMANDS.items():
        assert re.search(rf"^  {name}\b", shown, re.MULTILINE)
        assert set(command.help.split()) <= set(shown.split())
    assert all(len(line) <= int(width or 80) for line in shown.splitlines())
    assert "\x1b" not in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_begins_with_two_examples_and_ends_with_its_page(cli, command):
    lines = help_of(cli, command, "-h").splitlines()
    head = lines[: next(at for at, line in enumerate(lines) if line.startswith("Usage: "))]
    examples = [line.strip() for line in head if re.match("  (mfcli|echo) ", line)]
    assert [line for line, _ in GUIDES[command].examples] == examples
    assert all(f"mfcli {command}" in line for line in examples)
    assert all(len(line) <= 80 for line in head)
    found = re.fullmatch(r"mfcli help (\w+) says more\.", lines[-1])
    assert found is not None
    assert (Path(mfcli.__file__).parent / f"docs/{found[1]}.md").is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_what_matters_first_is_shown_first_and_the_rest_by_help_all(cli, command):
    short, long = help_of(cli, command, "-h"), help_of(cli, command, "--help-all")
    about = ABOUT[command]
    options = [it for found in panels(COMMANDS[command], about).values() for it in found]
    for it in options:
        assert called(it) in long
        first = about_of(it, about).tier is Tier.first
        assert (
            re.search(rf"^  {re.escape(called(it))}( |$)", short, re.MULTILINE) is None
        ) != first
        assert first or not it.required
    left = sum(about_of(it, about).tier is Tier.rest for it in options)
    assert f"--help-all shows {left} more options." in short
    assert help_of(cli, command, "--help") == short


@pytest.mark.parametrize("command", COMMANDS)
def test_what_stands_for_a_value_says_what_it_is(command):
    for it in COMMANDS[command].params:
        if it.param_type_name == "option" and not it.is_flag and not it.hidden:
            assert it.metavar not in (None, "TEXT", "X") or it.name in ("rating_unit", *NUMBERS)


# Options whose value is a number without a name or a unit.
NUMBERS = ("temperature", "alpha")


def test_defaults_by_mode_are_shown_as_values():
    texts = {field.name: default_text(field) for field in cli_fields(TrainConfig)}
    assert texts["epochs"] == "20 (explicit), 30 (implicit), 40 (hogwild), fitted to the data"
    assert texts["model"] == "biased-mf"
    assert texts["objective"] == "mse (explicit), bpr (implicit, hogwild)"
    assert texts["margin"] == "0.3"
    assert not [name for name, text in texts.items() if re.search("by (mode|way)", text)]


def test_what_the_data_decide_says_so():
    """An option that a rule of the data sets is not shown as if it were fixed."""
    rules = Path(mfcli.__file__).parent / "training"
    set_by_rules = {
        name
        for path in rules.glob("rules_for_*.py")
        for name in re.findall(r'^ +"([a-z_]+)":', path.read_text("utf-8"), re.MULTILINE)
    }
    assert len(set_by_rules) > 10
    texts = {field.name: default_text(field) for field in cli_fields(TrainConfig)}
    assert not [name for name in set_by_rules if not re.search("data|density", texts[name])]


def test_what_can_be_chosen_is_listed(cli):
    shown = " ".join(help_of(cli, "train", "-h").split())
    assert ", ".join(preset_names()) in shown
    assert all(name in shown for name in METRICS)
    for command in ("evaluate", "tune", "run"):
        assert all(name in help_of(cli, command, "-h") for name in METRICS)
    assert "hogwild threads on shared factors" in shown


def choices() -> list[type[Choice]]:
    for path in sorted((Path(mfcli.__file__).parent / "config").glob("*.py")):
        importlib.import_module(f"mfcli.config.{path.stem}".removesuffix(".__init__"))
    return Choice.__subclasses__()


@pytest.mark.parametrize("kind", choices(), ids=lambda kind: kind.__name__)
def test_a_word_that_can_be_chosen_is_explained_in_four_words(kind):
    for word in kind:
        assert 1 <= len(word.about.split()) <= 4, word
        assert kind(str(word)) is word
