"""How values, facts and rows look as cells of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mfcli.console.sheets import Column, Kind, Sheet
from mfcli.wording import figure

_FACTS = (Column(kind=Kind.text, style="dim"), Column(kind=Kind.text))


def facts_sheet(title: str, facts: Mapping[str, Any]) -> Sheet:
    """Return a table of names and values, values without content left out."""
    rows = [
        (name, shown(value)) for name, value in facts.items() if value not in (None, "", {}, [])
    ]
    return Sheet(title, _FACTS, rows)


def options_sheet(title: str, options: Mapping[str, Any]) -> Sheet:
    """Return a table of options as they are typed: no thousands apart, no figure rounded."""
    facts = {name: typed(value) for name, value in options.items() if value is not None}
    return facts_sheet(title, facts)


def flags(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under their names on the command line."""
    return {name.replace("_", "-"): value for name, value in options.items()}


def shown(value: Any) -> str:
    """Return a value as a person reads it; lists and dictionaries on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return figure(value)
    return _joined(value, shown)


def typed(value: Any) -> str:
    """Return the value of an option as it may be given again."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return _joined(value, typed)


def _joined(value: Any, of: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {of(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(of, value))
    return "–" if value is None else str(value)


def records_sheet(
    title: str, rows: Sequence[Mapping[str, Any]], *, texts: Sequence[str] = ()
) -> Sheet:
    """Return a table of records, whose names are its headings; what one lacks is a dash.

    texts: columns that may be folded though they hold numbers.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    of_text = [
        name in texts or any(isinstance(row.get(name), str) for row in rows) for name in names
    ]
    columns = [
        Column(name.replace("_", " "), Kind.text if is_text else Kind.figure)
        for name, is_text in zip(names, of_text, strict=True)
    ]
    return Sheet(title, columns, [[shown(row.get(name)) for name in names] for row in rows])


def preview_sheets(title: str, rows: Sequence[Mapping[str, Any]]) -> list[Sheet]:
    """Return a table of the first rows as the file has them, or none where there are none."""
    if not rows:
        return []
    ids = [name for name in rows[0] if name.endswith("_id")]
    plain = [
        {name: str(cell) if name in ids else cell for name, cell in row.items()} for row in rows
    ]
    sheet = records_sheet(title, plain)
    columns = [
        Column(name, column.kind) for name, column in zip(rows[0], sheet.columns, strict=True)
    ]
    return [Sheet(title, columns, sheet.rows, keys=len(ids))]


def way_of(options: Mapping[str, Any]) -> str:
    """Return model, objective and engine in words."""
    names = ("model", "objective", "engine")
    return " · ".join(str(options[name]) for name in names if options.get(name))
