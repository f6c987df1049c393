"""``metrics.json``: what was measured, how, and what it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mfcli.artifacts.files import open_input
from mfcli.artifacts.meta import check_meta
from mfcli.errors import InputError

TABLES = ("metrics", "protocol", "counts", "meta")  # a metrics.json holds each of them


def load_metrics(path: Path) -> dict[str, Any]:
    """Read a metrics.json back; raises InputError for a file that is not one, whole."""
    try:
        with open_input(path) as stream:
            content = json.loads(stream.read().decode("utf-8"))
        if not all(isinstance(content[name], dict) for name in TABLES):
            raise TypeError
        values = [*content["metrics"].values(), *content["counts"].values()]
        if not all(value is None or isinstance(value, int | float) for value in values):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path}: is not a metrics.json of mfcli evaluate: make it anew") from None
    check_meta(content["meta"], str(path))
    return dict(content)
