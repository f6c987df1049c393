"""The section on a few users: what each has, and the lists of all runs side by side."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from mfcli.report.data import Example, Order, Recommended, Run, Seen
from mfcli.report.markup import Html, el, join, label, number, table
from mfcli.wording import counted


def show_users(runs: Sequence[Run]) -> Html:
    """Return the users of the first run with examples, each with the lists of all runs."""
    there = [run for run in runs if run.examples]
    if not there:
        return el("p", "This needs both model.pt and recommendations.csv.", class_="hint")
    without = [run.name for run in runs if not run.examples]
    shown = [
        el("p", f"Without lists of these users: {', '.join(without)}.", class_="hint")
        if without
        else Html("")
    ]
    for example in there[0].examples:
        lists = [
            (run, found) for run in there for found in run.examples if found.user == example.user
        ]
        shown.append(_user(example, lists, several=len(runs) > 1))
    return join(shown)


def _user(example: Example, lists: Sequence[tuple[Run, Example]], several: bool) -> Html:
    title = el("h3", "User ", label(example.user))
    history = [el("p", _describe_history(example, lists), class_="hint")]
    history.append(el("ul", *(_seen(it) for it in example.seen), class_="chips"))
    shown = _side_by_side(example, lists) if several else _alone(example)
    return el("div", title, *history, shown, class_="user")


def _describe_history(example: Example, lists: Sequence[tuple[Run, Example]]) -> str:
    """Say how many items the user has, which of them are shown, and in which order."""
    n, shown = example.n_seen, len(example.seen)
    which = f", {shown} of them shown" if n > shown else ""
    order = "" if shown < 2 else f", {example.order.value}"
    text = f"History: {counted(n, 'item')} in train{which}{order}."
    others = [(run.name, found.n_seen) for run, found in lists if found.n_seen != n]
    if others:
        told = ", ".join(f"{name} {count:,}" for name, count in others)
        text += f" Other runs were trained on another number of them: {told}."
    if example.order is Order.unknown:
        text += " mfcli run leaves the matrix in its folder."
    return text


def _seen(item: Seen) -> Html:
    notes = []
    if item.rating is not None:
        notes.append(f"{item.rating:g}")
    if item.time is not None:
        notes.append(_date(item.time))
    small = el("small", " · ".join(notes)) if notes else ""
    return el("li", label(item.name), " " if notes else "", small)


def _date(seconds: int) -> str:
    """Return the day of a time in UTC; the number itself where the calendar has no such day."""
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return moment.date().isoformat()


def _alone(example: Example) -> Html:
    rows = [
        [
            line.rank,
            label(line.name),
            number(line.score, 3),
            "–" if line.count is None else number(line.count),
        ]
        for line in example.recommended
    ]
    caption = f"Recommended to user {example.user}"
    return table(
        ["rank", "item", "score", "ratings in train"],
        rows,
        caption=caption,
        numbers=(0, 2, 3),
        kind="ranks",
    )


def _side_by_side(example: Example, lists: Sequence[tuple[Run, Example]]) -> Html:
    """Return one line a rank, one column a run; items of every list are set in bold."""
    most = max(len(found.recommended) for _, found in lists)
    common = set.intersection(*({line.name for line in found.recommended} for _, found in lists))
    rows = [
        [
            at + 1,
            *(
                _cell(found.recommended[at], common if len(lists) > 1 else set())
                if at < len(found.recommended)
                else "–"
                for _, found in lists
            ),
        ]
        for at in range(most)
    ]
    head = ["rank", *(label(run.name) for run, _ in lists)]
    caption = f"Recommended to user {example.user}"
    said = "Under each item: score, and its ratings in train."
    if len(lists) > 1:
        n = len(common)
        said += (
            f" {n} of {most} {'is' if n == 1 else 'are'} in every list"
            f"{', set in bold' if n else ''}."
        )
    listed = table(head, rows, caption=caption, numbers=(0,), kind="ranks lists")
    return join([listed, el("p", said, class_="hint")])


def _cell(line: Recommended, common: set[str]) -> Html:
    name = label(line.name)
    count = "unknown item" if line.count is None else f"{line.count:,}"
    small = el("small", f"{number(line.score, 3)} · {count}")
    return join([el("b", name) if line.name in common else name, small])
