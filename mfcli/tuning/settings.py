"""Settings that a search found: a TOML file with a [train] table, for ``train --config``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.artifacts.meta import to_json
from mfcli.config import Recipe, Role, TrainConfig
from mfcli.config.options import flag, names_with
from mfcli.events import Noted, OnEvent


def whole_options(recipe: Recipe) -> dict[str, Any]:
    """Return all that train needs of a recipe: what a later version's defaults are changes nothing.

    The seed is left out where it is 0, so that another one may be given.
    """
    left_out = Role.shorthand | Role.watch | Role.nested
    if recipe.seed == 0:
        left_out |= Role.seed
    names = names_with(TrainConfig, left_out)
    return {name: value for name, value in recipe.options.items() if name not in names}


def in_order(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options in the order in which they are declared, as artifacts store them."""
    names = [field.name for field in dataclasses.fields(TrainConfig)]
    return {name: options[name] for name in names if name in options}


def settings_text(
    options: Mapping[str, Any], header: Sequence[str], evidence: Mapping[str, Any] | None = None
) -> str:
    """Return the file: ``header`` as comments, the options, and how they were found."""
    lines = [f"# {line}" for line in header] + ["", "[train]"]
    lines += [f"{_key(name)} = {_value(value)}" for name, value in options.items()]
    if evidence:
        lines += ["", "[[train.evidence]]"]
        lines += [f"{name} = {_value(value)}" for name, value in evidence.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return flag(name).removeprefix("--")


def _value(value: Any) -> str:
    """Return a plain value as TOML: strings, numbers and booleans are written as in JSON."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(key)} = {_value(of)}" for key, of in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)


def digest_of(options: Mapping[str, Any]) -> str:
    """Return what tells options from others, 16 hex digits: evidence is of one choice only."""
    return hashlib.sha256(to_json(dict(options)).encode()).hexdigest()[:16]


def with_evidence(
    checkpoint: Checkpoint,
    recipe: Recipe,
    evidence: Sequence[Mapping[str, Any]],
    on_event: OnEvent,
    *,
    cut: bool = False,
) -> Checkpoint:
    """Return a model that keeps how its options were chosen, if ``evidence`` is of them.

    cut: whether a limit of time ended the training. Then the options say after which epoch, so that
    a training with them ends there too.
    """
    if not evidence:
        return checkpoint
    if evidence[0].get("of") != digest_of(whole_options(recipe)):
        on_event(
            Noted("[[train.evidence]] is of other options than these: the model has none of it")
        )
        return checkpoint
    meta = checkpoint.meta
    options = checkpoint.options
    if cut:
        options = in_order({**options, "last_epoch": len(checkpoint.history)})
        *before, last = meta["lineage"]
        meta = meta | {"lineage": [*before, {**last, "options": dict(options)}]}
    # By way of JSON, so that the same evidence is the same bytes wherever it was read.
    meta = meta | {"evidence": json.loads(json.dumps(evidence[0]))}
    return dataclasses.replace(checkpoint, options=options, meta=meta)
