"""Logs as text and as JSON, figures for Prometheus, and the pages of reports."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from mfcli.inspecting.found import damaged, found, text_of
from mfcli.results import InspectResult

_LINE = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z) (\S+) (\S+)")
_SERIES = re.compile(r"^(mfcli_\w+)\{([^\n]*)\} (\S+)$", re.MULTILINE)
_MADE = re.compile(r"<footer>Made by mfcli ([\w.+-]+) from the files")


def is_text_log(head: bytes) -> bool:
    """Tell whether a file begins as a log of lines does."""
    return _LINE.match(head.decode("utf-8", "replace")) is not None


def describe_json_log(path: Path) -> InspectResult:
    """Describe a log of JSON lines."""
    entries = []
    for line in text_of(path, "log").splitlines():
        try:
            entry = json.loads(line)
            entries.append((str(entry["time"]), str(entry["stage"]), str(entry["event"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # a run that was killed may leave half a line
    return _log(path, "json", entries)


def describe_text_log(path: Path) -> InspectResult:
    """Describe a log of plain lines."""
    lines = text_of(path, "log").splitlines()
    return _log(path, "text", [(m[1], m[2], m[3]) for line in lines if (m := _LINE.match(line))])


def _log(path: Path, form: str, entries: list[tuple[str, str, str]]) -> InspectResult:
    if not entries:
        raise damaged(path, "log")
    times = [time for time, _, _ in entries]
    details: dict[str, Any] = {
        "format": form,
        "lines": len(entries),
        "first": min(times),
        "last": max(times),
        "stages": list(dict.fromkeys(stage for _, stage, _ in entries if stage != "-")),
        "events": dict(Counter(event for _, _, event in entries).most_common()),
    }
    return found(path, "log", details)


def describe_figures(path: Path) -> InspectResult:
    """Describe a file of figures for Prometheus: its series."""
    series = _SERIES.findall(text_of(path, "file of figures"))
    if not series:
        raise damaged(path, "file of figures")
    labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', series[0][1]))
    details = {"command": labels.get("command"), "name": labels.get("name"), "series": len(series)}
    plain = {
        name.removeprefix("mfcli_"): float(value)
        for name, inner, value in series
        if name != "mfcli_info" and inner.count('="') == 2
    }
    return found(path, "figures for Prometheus", details, metrics=plain)


def describe_report(path: Path) -> InspectResult:
    """Describe a page of mfcli report by its title and its sections."""
    text = text_of(path, "report")
    made = _MADE.search(text)
    if made is None:
        raise damaged(path, "report")
    title = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", text, re.DOTALL)
    details = {
        "title": html.unescape(title[1]) if title else None,
        "sections": [html.unescape(re.sub(r"<[^>]+>", "", it)) for it in headings],
        "bytes": len(text.encode()),
        "mfcli": made[1],
    }
    return found(path, "report", details)
