"""Paired differences, each with its interval and a word, and the verdicts in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mfcli.config.metrics import word_of
from mfcli.evaluation.baseline import RESAMPLES, judged_by
from mfcli.report.baseline import differences_to_popularity, is_popularity
from mfcli.report.data import Run, read_intervals
from mfcli.report.markup import Html, el, join, label, number, plain, table
from mfcli.report.paired import Pairing
from mfcli.report.per_user import PER_USER
from mfcli.wording import counted

NOISE = "noise"
EXPLAINED = (
    "The small figures are the 95 % interval, paired by user. Noise: the interval holds 0, so the "
    "difference may be chance."
)


def verdict_on(name: str, found: Mapping[str, Any]) -> str:
    """Return what a difference says in a word; a dash where no interval is known."""
    if not _ends_of(found):
        return "–"
    return word_of(name, found["difference"]) if found.get("beyond_noise") else NOISE


def show_verdicts(runs: Sequence[Run], pairing: Pairing | None) -> Html:
    """Say in a sentence each how the runs compare, with each other and with popularity."""
    said = []
    if pairing is not None:
        for at, found in pairing.differences.items():
            said.append(_sentence(runs[at].name, pairing.base.name, found, several=True))
    else:
        for run in runs:
            if not is_popularity(run):
                found = differences_to_popularity(run)
                said.append(_sentence(run.name, "popularity", found, several=False))
    lines = [el("li", text) for text in said if text]
    return el("ul", *lines, class_="verdicts") if lines else Html("")


def _sentence(name: str, base: str, found: dict[str, dict[str, Any]], several: bool) -> Html:
    """Return the verdict by the metric that decides, empty where there is none."""
    judged = judged_by(found) or next(iter(found), None)
    if judged is None:
        return Html("")
    of, word = found[judged], verdict_on(judged, found[judged])
    figures = f"the difference of {judged} is {_signed(of['difference'])}"
    if _ends_of(of):
        figures += f" (95 % interval {_range(of)})"
    whose = label(name) if several else "This run"
    other = label(base) if several else base
    if word in (NOISE, "–"):
        start = [whose, " and ", other] if several else ["This run and popularity"]
        reason = "are as good as each other, as far as these users can tell"
        if word == "–":
            reason = "differ, and no interval says whether by more than chance"
        return join([*start, f" {reason}: {figures}."])
    return join([whose, " is ", el("b", f"{word} than"), " ", other, f": {figures}."])


def show_paired(runs: Sequence[Run], pairing: Pairing) -> Html:
    """Return the differences of the runs to the first one, and why any is not there."""
    parts: list[Html] = []
    if pairing.differences:
        base = pairing.base.name
        columns = [(runs[at].name, found) for at, found in pairing.differences.items()]
        caption = f"Differences to {base}, paired over {counted(pairing.users, 'user')}"
        parts += [_columns(columns, caption), el("p", EXPLAINED, class_="hint")]
    why: dict[str, list[str]] = {}
    for at, reason in pairing.reasons.items():
        why.setdefault(reason, []).append(runs[at].name)
    for reason, names in why.items():
        said = join(["No difference to ", label(pairing.base.name), " is known of "])
        parts.append(el("p", said, label(", ".join(names)), f": {reason}.", class_="hint"))
    needed = [pairing.base, *(runs[at] for at in pairing.reasons)]
    without = [run for run in needed if run.by_user is None and run.measured_like(pairing.base)]
    if without:
        calls = (el("li", el("code", _command(run))) for run in without)
        parts.append(
            el(
                "p",
                f"Differences are paired user by user, so they need {PER_USER} in each folder "
                "that was measured on the same test set. These commands write it:",
                class_="hint",
            )
        )
        parts.append(el("ul", *calls, class_="commands"))
    return join(parts)


def _command(run: Run) -> str:
    """Return the call of evaluate that writes the metrics of a run's users, with its options.

    The names of other files that it read are not kept: FILE stands for them.
    """
    words = [f"mfcli evaluate {run.name}/{run.measured_file} {run.name}/split/test.npz"]
    options = run.options_of("evaluate")
    words += [f"--k {k}" for k in options.get("k") or [] if options.get("k") != [10]]
    words += [f"--metric {name}" for name in options.get("metric") or []]
    usual = {"unknown_users": "popular", "resamples": RESAMPLES, "seed": 0}
    for name in ("relevant_from", "sampled", "since", "unknown_users", "resamples", "seed"):
        value = options.get(name)
        if value is not None and value != usual.get(name):
            words.append(f"--{name.replace('_', '-')} {plain(value)}")
    words += [
        f"--{name.replace('_', '-')}"
        for name in ("include_seen", "exclude_cold")
        if options.get(name)
    ]
    words += [f"--{role} FILE" for role in ("history", "candidates") if run.was_read(role)]
    return " ".join([*words, f"--per-user {run.name}/{PER_USER}"])


def show_to_popularity(runs: Sequence[Run], several: bool) -> Html:
    """Return the differences of the runs to popularity on the same rows."""
    columns = [
        (run.name if several else "difference", found)
        for run in runs
        if (found := differences_to_popularity(run)) and not is_popularity(run)
    ]
    if not columns:
        return Html("")
    caption = "Differences to popularity"
    return join([_columns(columns, caption), el("p", EXPLAINED, class_="hint")])


def show_stored(run: Run, whose: str) -> list[Html]:
    """Return a table for each pair of models that metrics.json compares."""
    found = run.measured.get("differences")
    made = []
    for pair in found if isinstance(found, list) else []:
        metrics = pair.get("metrics") if isinstance(pair, dict) else None
        if not isinstance(metrics, dict):
            continue
        known = {
            str(name): of
            for name, of in metrics.items()
            if isinstance(of, dict) and isinstance(of.get("difference"), float | int)
        }
        caption = f"{pair.get('model')} − {pair.get('base')}, paired by user{whose}"
        made.append(_columns([("difference", known)], caption))
    return made


def _columns(columns: Sequence[tuple[str, dict[str, dict[str, Any]]]], caption: str) -> Html:
    """Return one line a metric, one column a difference: value, word, interval."""
    rows = []
    for name in dict.fromkeys(name for _, found in columns for name in found):
        cells: list[object] = [name]
        for _, found in columns:
            cells.append(_cell(name, found[name]) if name in found else "–")
        rows.append(cells)
    head = ["metric", *(label(name) for name, _ in columns)]
    return table(head, rows, caption=caption, numbers=range(1, len(head)))


def _cell(name: str, found: Mapping[str, Any]) -> Html:
    word = verdict_on(name, found)
    said = el("span", word, class_=f"verdict {word}") if word != "–" else Html("")
    small = el("small", _range(found)) if _ends_of(found) else Html("")
    return join([_signed(found["difference"]), " " if said else "", said, small])


def _ends_of(found: Mapping[str, Any]) -> bool:
    return "it" in read_intervals({"it": dict(found)}) and found["low"] == found["low"]


def _range(found: Mapping[str, Any]) -> str:
    return f"{_signed(found['low'])} to {_signed(found['high'])}"


def _signed(value: float) -> str:
    text = number(float(value))
    return text if value < 0 or value != value else f"+{text}"
