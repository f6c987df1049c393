"""The pages of documentation: their list, and the text of one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from importlib import resources

from mfcli.errors import UsageError
from mfcli.results import HelpResult

# What a newcomer needs comes first, in this order; other pages follow, by name.
ORDER = (
    "tutorial",
    "choosing",
    "data",
    "training",
    "evaluating",
    "recommending",
    "nightly",
    "python",
    "operations",
    "trust",
    "files",
)
LAST = ("reference",)  # the longest


def topics() -> dict[str, str]:
    """Return the names of the pages, each with its title, in the order in which they are listed."""
    folder = resources.files("mfcli").joinpath("docs")
    names = [it.name.removesuffix(".md") for it in folder.iterdir() if it.name.endswith(".md")]
    early = [name for name in ORDER if name in names]
    middle = sorted(set(names) - set(ORDER) - set(LAST))
    order = [*early, *middle, *(name for name in LAST if name in names)]
    return {name: _title(_text(name)) for name in order}


def help(topic: str | None, commands: Iterable[str] = ()) -> HelpResult:  # noqa: A001
    """Return a page, or without a topic the list of all of them.

    commands: what else ``mfcli help`` takes. Raises UsageError for what is no topic, with the names
    that are nearest and the pages whose headings speak of it.
    """
    known = topics()
    if topic is None:
        return HelpResult(topics=known)
    name = topic.lower().removesuffix(".md")
    if name in known:
        return HelpResult(topic=name, text=_text(name))
    told = [page for page in known if _has_heading(_text(page), name)]
    near = difflib.get_close_matches(name, {**known, **dict.fromkeys(commands)}, n=3, cutoff=0.5)
    ways = [f"a heading of {', '.join(told)} speaks of it"] if told else []
    ways += [f"nearest: {', '.join(near)}"] if near else []
    raise UsageError(f"{topic!r} is no topic; {'; '.join([*ways, 'mfcli help lists all'])}")


def _text(name: str) -> str:
    return resources.files("mfcli").joinpath("docs", f"{name}.md").read_text("utf-8")


def _title(text: str) -> str:
    """Return the title of a page, without what stands before its colon: the name says it."""
    first = text.partition("\n")[0].lstrip("# ")
    return (first.partition(": ")[2] or first).replace("`", "")


def _has_heading(text: str, words: str) -> bool:
    headings = re.findall(r"^##+ (.*)$", text, re.MULTILINE)
    return len(words) > 2 and any(words in heading.lower() for heading in headings)
