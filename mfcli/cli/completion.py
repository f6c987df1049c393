"""Completion: what may follow in a command line, for bash, zsh and fish.

A shell's script calls mfcli with ``_MFCLI_COMPLETE`` and the line up to the cursor in
``_MFCLI_LINE``, and gets a line for each word that may stand there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

from mfcli.cli.guides import GUIDES
from mfcli.cli.helping import ABOUT, about_of
from mfcli.cli.options import About
from mfcli.cli.shells import BREAKS, LINE, SHELL, Shell
from mfcli.stages import known
from mfcli.system.streams import emit

# What an argument is called → words that it takes beside files.
_SOURCES: dict[str, Callable[[], Mapping[str, str]]] = {
    "SOURCE": known.data_sets,
    "TOPIC": lambda: dict.fromkeys(GUIDES, "a command") | known.topics(),
}


@dataclass(frozen=True)
class Line:
    """A command line up to the cursor.

    words: those that are whole, without quotes. current: what is typed of the next, without quotes.
    cut: how much of it bash keeps as it is: all up to the last letter at which bash breaks words.
    """

    words: list[str]
    current: str
    cut: int = 0


@dataclass
class Offer:
    """What may stand at the cursor: words with what they are, or names of files."""

    words: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)  # folders end with a slash


def split_line(text: str, breaks: str = "") -> Line:
    """Split a line as a shell does; a quote that is open closes at the cursor."""
    words: list[str] = []
    word: list[str] | None = None
    quote, cut, at = "", 0, 0
    while at < len(text):
        letter = text[at]
        if quote:
            if letter == quote:
                quote = ""
            elif letter == "\\" and quote == '"' and text[at + 1 : at + 2] in ('"', "\\", "$"):
                at += 1
                word = [*(word or []), text[at]]
            else:
                word = [*(word or []), letter]
        elif letter in "'\"":
            quote, word = letter, word or []
            cut = len(word)
        elif letter == "\\" and at + 1 < len(text):
            at += 1
            word = [*(word or []), text[at]]
        elif letter.isspace():
            if word is not None:
                words.append("".join(word))
            word, cut = None, 0
        else:
            word = [*(word or []), letter]
            cut = len(word) if letter in breaks else cut
        at += 1
    return Line(words, "".join(word or []), cut)


def respond(group: Any) -> None:
    """Answer a shell's script: what may stand at the cursor of the line in the environment."""
    shell = Shell(os.environ[SHELL])
    line = split_line(os.environ.get(LINE, ""), os.environ.get(BREAKS, ""))
    emit(answer(shell, line, offer(group, line)))


def offer(group: Any, line: Line) -> Offer:
    """Return what may stand at the cursor; group: the Typer group of all commands."""
    words = line.words[1:]  # without the program
    name = next((word for word in words if not word.startswith("-")), None)
    if name is None:
        return _top(group, words, line.current)
    command = group.commands.get(name)
    if command is None:
        return Offer()
    return _in_command(command, words[words.index(name) + 1 :], line.current)


def _top(group: Any, words: list[str], current: str) -> Offer:
    before = words[-1] if words else ""
    if before in ("--show-completion", "--install-completion"):
        return Offer(_beginning(dict.fromkeys(Shell, ""), current))
    if current.startswith("-"):
        found = {name: option.help for option in group.params for name in option.opts}
        return Offer(_beginning(found | {"--help": "Show help.", "-h": "Show help."}, current))
    found = {name: _first(command.help) for name, command in group.commands.items()}
    return Offer(_beginning(found, current))


def _in_command(command: Any, words: list[str], current: str) -> Offer:
    about = ABOUT[command.name]
    options = {
        name: it
        for it in command.params
        if it.param_type_name == "option" and not it.hidden
        for name in (*it.opts, *it.secondary_opts)
    }
    taking, given, positions = _walk(words, options)
    if taking is not None:
        return _values(taking.metavar, about_of(taking, about), current)
    name, equals, value = current.partition("=")
    if equals and name in options and not options[name].is_flag:
        found = _values(options[name].metavar, about_of(options[name], about), value)
        return Offer(
            {f"{name}={word}": text for word, text in found.words.items()},
            [f"{name}={file}" for file in found.files],
        )
    if current.startswith("-") and current != "-":
        open_ = {name: it for name, it in options.items() if name not in given or it.multiple}
        flags = {name: _first(it.help) for name, it in open_.items()}
        return Offer(_beginning(flags | {"--help": "Show what matters first."}, current))
    arguments = [it for it in command.params if it.param_type_name == "argument"]
    if not arguments:
        return Offer()
    it = arguments[min(positions, len(arguments) - 1)]
    if positions >= len(arguments) and it.nargs == 1:
        return Offer()
    return _values(it.metavar, about_of(it, about), current)


def _walk(words: list[str], options: Mapping[str, Any]) -> tuple[Any, set[str], int]:
    """Return the option whose value is next or None, the options given, and how many arguments."""
    taking, given, positions = None, set(), 0
    for word in words:
        name, equals, _ = word.partition("=")
        if taking is not None:
            taking = None
        elif name in options:
            it = options[name]
            given |= {*it.opts, *it.secondary_opts}
            taking = None if equals or it.is_flag else it
        else:
            positions += 1
    return taking, given, positions


def _values(metavar: str | None, about: About, current: str) -> Offer:
    """Return the values of an option or an argument: its words, or files of its kind."""
    called = re.sub(r"[][]|\.\.\.", "", metavar or "")
    words: dict[str, str] = dict(about.words)
    if called in _SOURCES:
        words |= _SOURCES[called]()
    words = {full: text for word, text in words.items() for full in _with_length(word, current)}
    return Offer(_beginning(words, current), list(_files(called, current)))


def _with_length(word: str, current: str) -> Iterator[str]:
    """Yield a metric of lists with the lengths that are usual, once its name stands there."""
    name, at, _ = word.partition("@k")
    if not at:
        yield word
    elif current.startswith(f"{name}@"):
        yield from (f"{name}@{k}" for k in (5, 10, 20, 50, 100))
    else:
        yield f"{name}@10"


# What a value is called → the files that it may be; folders on the way are offered always.
_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"MODEL\.pt MORE", ("*.pt", "*.npz")),
    (r".*\.npz", ("*.npz",)),
    (r".*\.pt", ("*.pt",)),
    (r".*\.toml", ("*.toml",)),
    (r".*\.html", ("*.html",)),
    (r".*\.prom", ("*.prom",)),
    (r"(DIR|RUN_DIR)", ()),
    (r"(FILE|SOURCE)", ("*",)),
)


def _files(called: str, current: str) -> Iterator[str]:
    """Yield the names of files and folders that go on from ``current``; folders end with /."""
    patterns = next((it for kind, it in _KINDS if re.match(kind, called)), None)
    if patterns is None:
        return
    folder, _, begun = current.rpartition("/")
    shown = current[: len(current) - len(begun)]
    there = os.path.expanduser(shown or ("/" if folder else "."))
    try:
        entries = sorted(os.scandir(there), key=lambda it: it.name)
    except OSError:
        return
    for entry in entries:
        if not entry.name.startswith(begun) or (entry.name[0] == "." and not begun):
            continue
        if entry.is_dir():
            yield f"{shown}{entry.name}/"
        elif any(fnmatch(entry.name, it) for it in patterns) and not entry.name.endswith(".lock"):
            yield shown + entry.name


def _beginning(words: Mapping[str, str], current: str) -> dict[str, str]:
    return {str(word): text for word, text in words.items() if word.startswith(current)}


def _first(text: str | None) -> str:
    """Return the first sentence of a help."""
    return re.split(r"(?<=[a-z)])[.;:] |\.$", (text or "").replace("\n", " "), maxsplit=1)[0]


def answer(shell: Shell, line: Line, found: Offer) -> str:
    """Return what a shell's script reads: for bash the kind and the words, else kind, word, help.

    bash itself adds the slash of a folder, and replaces only what follows ``line.cut``.
    """
    if shell is Shell.bash:
        names = [*found.words, *(file.rstrip("/") or "/" for file in found.files)]
        kind = "files" if found.files else "words"
        return _lines([kind, *(name[line.cut :] for name in names)])
    rows = [f"word\t{word}\t{' '.join(text.split())}" for word, text in found.words.items()]
    return _lines([*rows, *(f"file\t{file}\t" for file in found.files)])


def _lines(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)
