"""The ``meta`` of every artifact: schema number, kind, and the lineage back to the source.

Nothing in it may differ between two runs of the same inputs, options and seed on one machine: no
time, host, absolute path or output name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mfcli import __version__
from mfcli.codes import WarningCode
from mfcli.data.text import is_valid_text
from mfcli.errors import InputError
from mfcli.events import Warned
from mfcli.results import without_nan

SCHEMAS = {"model": 2}  # of a kind of artifact; FIRST of all others
FIRST = 1
DEEPEST = 20  # lists and tables within each other


def meta_for(kind: str, lineage: Sequence[dict[str, Any]], **extra: Any) -> dict[str, Any]:
    """Return the meta of a new artifact: ``kind`` is interactions, model, resume or metrics."""
    schema = schema_of(kind)
    return {"schema": schema, "kind": kind, "mfcli": __version__, "lineage": list(lineage), **extra}


def schema_of(kind: str | None) -> int:
    """Return the schema number that this version writes for a kind of artifact."""
    return FIRST if kind is None else SCHEMAS.get(kind, FIRST)


def lineage_entry(
    stage: str, options: dict[str, Any], inputs: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return one step of a lineage: the stage, its options, and its inputs with their SHA-256."""
    return {"stage": stage, "options": options, "inputs": list(inputs)}


def reading_entry(
    stage: str, options: dict[str, Any], inputs: Sequence[dict[str, Any]], *, rated: bool
) -> dict[str, Any]:
    """Return the step of a lineage that read a table; it says so where that had no ratings."""
    entry = lineage_entry(stage, options, inputs)
    return entry if rated else entry | {"rated": False}


def are_rated(meta: dict[str, Any]) -> bool:
    """Tell whether an artifact's values are ratings, as far as its lineage knows.

    Files of versions that did not note it count as rated.
    """
    return all(step.get("rated") is not False for step in lineage_of(meta))


def lineage_of(meta: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps that led to an artifact."""
    return list(meta.get("lineage", []))


def with_warnings(meta: dict[str, Any], warnings: Iterable[Warned]) -> dict[str, Any]:
    """Return a meta that keeps what was warned of an artifact, for whoever uses it later."""
    found = [{"code": str(warning.code), "text": warning.message} for warning in warnings]
    kept = {name: value for name, value in meta.items() if name != "warnings"}
    return kept | ({"warnings": found} if found else {})


def warnings_of(meta: dict[str, Any]) -> list[Warned]:
    """Return the warnings that a meta keeps; those of a code that this version lacks are left."""
    found = meta.get("warnings")
    return [
        Warned(WarningCode(entry["code"]), str(entry.get("text")))
        for entry in (found if isinstance(found, list) else [])
        if isinstance(entry, dict) and entry.get("code") in tuple(WarningCode)
    ]


def to_json(meta: dict[str, Any]) -> str:
    """Return meta as JSON whose bytes do not depend on the order of keys."""
    return json.dumps(meta, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def document_text(document: dict[str, Any]) -> str:
    """Return a document as JSON for people and programs; NaN is null."""
    return json.dumps(without_nan(document), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str, where: str) -> dict[str, Any]:
    """Read meta back; raises InputError where it is damaged or of a newer schema."""
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{where}: its meta is damaged: make the file again") from None
    return check_meta(meta, where)


def check_meta(meta: Any, where: str) -> dict[str, Any]:
    """Return ``meta`` if it is a document of a schema that this version reads, else InputError."""
    if not isinstance(meta, dict) or not _is_whole(meta):
        raise InputError(f"{where}: its meta is damaged: make the file again")
    newest = schema_of(meta.get("kind"))
    if meta["schema"] > newest:
        raise InputError(
            f"{where}: written by a newer mfcli (schema {meta['schema']}, this one reads "
            f"{newest}): upgrade mfcli"
        )
    return meta


def _is_whole(meta: dict[str, Any]) -> bool:
    schema, kind, lineage = (meta.get(name) for name in ("schema", "kind", "lineage"))
    lineage = [] if lineage is None else lineage
    return (
        type(schema) is int
        and schema >= 1
        and isinstance(kind, str | None)
        and isinstance(lineage, list)
        and all(isinstance(step, dict) for step in lineage)
        and all(isinstance(step.get("stage", ""), str) for step in lineage)
        and all(isinstance(step.get("options", {}), dict) for step in lineage)
        and is_plain(meta)
    )


def is_plain(value: Any, depth: int = DEEPEST) -> bool:
    """Tell whether a value can be written as JSON: no other types, no lone surrogates, not deep."""
    if isinstance(value, dict):
        return depth > 0 and all(
            isinstance(key, str) and is_plain(key) and is_plain(part, depth - 1)
            for key, part in value.items()
        )
    if isinstance(value, list):
        return depth > 0 and all(is_plain(part, depth - 1) for part in value)
    if isinstance(value, str):
        return is_valid_text(value)
    return value is None or isinstance(value, bool | int | float)
