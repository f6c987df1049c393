"""Help: what a command does, two examples, its options, and the page that says more.

What matters first is shown, the rest with ``--help-all``. Text is wrapped between words only.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from mfcli.cli.guides import GUIDES, TOP_EXAMPLES
from mfcli.cli.options import About, common_panels
from mfcli.config.roles import Tier
from mfcli.system.streams import emit
from mfcli.wording import counted

WIDEST = 120  # columns: longer lines are hard to read
NARROW = 72  # columns, below which the text on an option stands under its name
COLUMN = 28  # where it begins otherwise
_MORE = "mfcli COMMAND -h shows the options of a command, and mfcli help lists the pages."
FIRST_PANEL = "Options"
# Of each command, what its declaration says of its parameters beyond what Typer keeps of it.
ABOUT: dict[str, Mapping[str, About]] = {}


class HelpfulCommand(TyperCommand):
    """A command with help of our own."""

    def get_help(self, ctx: Any) -> str:  # noqa: ARG002 - its name is click's
        """Return what matters first."""
        return command_help(self, everything=False)


class HelpfulGroup(TyperGroup):
    """All commands, with help of our own."""

    def get_help(self, ctx: Any) -> str:  # noqa: ARG002 - its name is click's
        """Return the list of the commands."""
        return top_help(self)


def show_all(context: typer.Context, asked: bool) -> None:
    """Show every option of a command, and end: --help-all."""
    if asked:
        emit(command_help(context.command, everything=True) + "\n")
        raise typer.Exit


def top_help(group: Any) -> str:
    """Return the help of ``mfcli`` itself."""
    width = _width()
    lines = [*_wrapped(group.help, width), ""]
    lines += [*_examples(TOP_EXAMPLES, width), _bold("Usage: ") + "mfcli COMMAND [OPTIONS]", ""]
    groups: dict[str, list[str]] = {}
    for name, guide in GUIDES.items():
        groups.setdefault(guide.group, []).append(name)
    for title, names in groups.items():
        lines.append(_bold(f"{title}:"))
        for name in names:
            first = group.commands[name].help.partition("\n\n")[0]
            lines += _entry(name, [first], width, 13)
        lines.append("")
    lines.append(_bold("Options:"))
    for option in group.params:
        if not option.hidden:
            lines += _entry(called(option), [option.help], width)
    lines += _entry("-h, --help", ["Show this message and exit."], width)
    lines += ["", *_wrapped(_MORE, width)]
    return "\n".join(lines)


def command_help(command: Any, *, everything: bool) -> str:
    """Return the help of a command, of all its options or of those that matter first."""
    width, guide, about = _width(), GUIDES[command.name], ABOUT[command.name]
    lines = [*_wrapped(command.help, width), "", *_examples(guide.examples, width)]
    lines += [*_hanging(_bold("Usage: "), usage(command.name, command.params), 7, width), ""]
    arguments = [it for it in command.params if it.param_type_name == "argument"]
    if any(it.help for it in arguments):
        lines.append(_bold("Arguments:"))
        for it in arguments:
            lines += _entry(argument_name(it), [it.help or ""], width)
        lines.append("")
    left = 0
    for title, options in panels(command, about).items():
        shown = [it for it in options if everything or about_of(it, about).tier is Tier.first]
        left += len(options) - len(shown)
        if not shown:
            continue
        lines.append(_bold(f"{title}:"))
        for it in shown:
            lines += _entry(called(it), _paragraphs(it, about_of(it, about)), width)
        lines.append("")
    if left:
        lines.append(f"mfcli {command.name} --help-all shows {counted(left, 'more option')}.")
    lines.append(f"mfcli help {guide.page} says more.")
    return "\n".join(lines)


def panels(command: Any, about: Mapping[str, About]) -> dict[str, list[Any]]:
    """Return a command's visible options by panel: those that matter first before the others."""
    found: dict[str, list[Any]] = {}
    for it in command.params:
        if it.param_type_name == "option" and not it.hidden:
            found.setdefault(it.rich_help_panel or FIRST_PANEL, []).append(it)
    common = common_panels()

    def order(title: str) -> tuple[int, bool]:
        late = common.index(title) + 1 if title in common else 0
        first = any(about_of(it, about).tier is Tier.first for it in found[title])
        return late, not first

    return {title: found[title] for title in sorted(found, key=order)}


def about_of(parameter: Any, about: Mapping[str, About]) -> About:
    """Return what the declaration of a parameter says of it."""
    return about.get(parameter.name, About())


def usage(name: str, parameters: Iterable[Any]) -> str:
    """Return the line ``mfcli NAME ARGUMENTS REQUIRED [OPTIONS]``."""
    words = ["mfcli", name]
    for it in parameters:
        if it.param_type_name == "argument":
            shown = argument_name(it)
            words.append(shown if it.required or shown[0] == "[" else f"[{shown}]")
    words += [
        f"{it.opts[0]} {it.metavar}"
        for it in parameters
        if it.param_type_name == "option" and it.required
    ]
    return " ".join([*words, "[OPTIONS]"])


def argument_name(argument: Any) -> str:
    """Return how an argument is called."""
    return str(argument.metavar or argument.name.upper())


def called(option: Any) -> str:
    """Return what is typed for an option, with the name of its value: ``-o, --out FILE``."""
    names = sorted([*option.opts, *option.secondary_opts], key=lambda name: name.startswith("--"))
    value = "" if option.is_flag else f" {option.metavar}"
    return ", ".join(names) + value


def default_of(option: Any) -> str:
    """Return the default that is shown of an option, or ""."""
    default = option.show_default
    if option.required:
        return ""
    if isinstance(default, str):
        return default
    return str(option.default) if default and not option.is_flag and option.default else ""


def _paragraphs(option: Any, about: About) -> list[str]:
    """Return the text on an option: what it is, its default, and a line a word with a meaning."""
    text, default = str(option.help), default_of(option)
    if option.required:
        text += " Required."
    plain = [word for word, meaning in about.words.items() if not meaning]
    if plain:
        text += f" One of: {', '.join(plain)}."
    if default:
        text += f" Default: {default}."
    told = {word: meaning for word, meaning in about.words.items() if meaning}
    wide = max(map(len, told), default=0) + 2
    return [text, *(f"  {word:<{wide}}{meaning}" for word, meaning in told.items())]


def _entry(name: str, paragraphs: Iterable[str], width: int, column: int = COLUMN) -> Iterator[str]:
    """Yield the lines of one entry: the name on the left, its text in a column on the right."""
    column = column if width >= NARROW else 8
    lines = [
        line
        for paragraph in paragraphs
        for line in ([paragraph] if paragraph[:1] == " " else _wrapped(paragraph, width - column))
    ] or [""]
    if len(name) + 4 > column:
        yield f"  {_bold(name)}"
    else:
        yield f"  {_bold(name)}{' ' * (column - 2 - len(name))}{lines.pop(0)}".rstrip()
    for line in lines:
        yield " " * column + line


def _examples(examples: Iterable[tuple[str, str]], width: int) -> list[str]:
    lines = [_bold("Examples:")]
    for line, meaning in examples:
        lines += [f"  {line}", *(" " * 6 + it for it in _wrapped(meaning, width - 6))]
    return [*lines, ""]


def _hanging(head: str, text: str, indent: int, width: int) -> list[str]:
    lines = _wrapped(text, width - indent)
    return [head + lines[0], *(" " * indent + line for line in lines[1:])]


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap between words: a longer word stands out, and no word is broken."""
    return [
        line
        for paragraph in text.split("\n\n")
        for line in textwrap.wrap(
            paragraph, max(width, 20), break_long_words=False, break_on_hyphens=False
        )
    ]


def _width() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST)


def _bold(text: str) -> str:
    """Make a text bold where standard output is a terminal that shows it."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in (None, "dumb")
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return f"\x1b[1m{text}\x1b[0m" if terminal and not plain else text
