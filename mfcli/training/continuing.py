"""Going on from a model: its options are the defaults, so that nothing changes overnight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfcli.config import TrainConfig
from mfcli.config.applies import inapplicable
from mfcli.config.options import field_types, names_with
from mfcli.config.roles import Role

_WIDTH = ("factors", "item_factors", "hidden")
_CHOICE = ("mode", "model", "objective", "engine")
# Options that follow another one where that is given.
_FOLLOWING = {
    "factors": ("item_factors",),
    "regularization": ("bias_regularization",),
    "weight_decay": ("bias_weight_decay",),
    "optimizer": ("sparse",),
    "schedule": ("decay",),
    "confidence": ("alpha", "unobserved_weight"),
}
# Options that came later, and what models had that were trained before there were any.
_LATER = {"hardest_of": 1}


def continued(
    config: TrainConfig, before: Mapping[str, Any], name: str, *, watched: bool = False
) -> TrainConfig:
    """Return the configuration with what it leaves open as the model ``name`` had it.

    before:  the options that are stored with that model. Of another model, objective or engine than
             is asked for only the width is taken. The seed is the run's own.
    watched: whether metrics and early stopping are taken as well.

    Raises UsageError for stored options that cannot go together with those that are given.
    """
    given = {key: value for key, value in config.options().items() if key in config.asked()}
    stored = _carried(before, watched)
    choice = {} if config.mode else {key: stored[key] for key in _CHOICE if key in stored}
    asked = TrainConfig.merge((f"{name}: ", choice), ("", given)).setting
    same = all(stored.get(key) == value for key, value in asked._asdict().items())
    if same:
        later = _LATER.keys() - inapplicable(asked).keys()
        stored = {name: _LATER[name] for name in sorted(later)} | stored
    kept = stored if same else {key: stored[key] for key in _WIDTH if key in stored}
    follow = {other for key in given for other in _FOLLOWING.get(key, ())}
    kept = {key: value for key, value in kept.items() if key not in follow | set(_CHOICE)}
    return TrainConfig.merge((f"{name}: ", choice | kept), ("", given))


def _carried(before: Mapping[str, Any], watched: bool) -> dict[str, Any]:
    """Return the stored options that another training may have as well."""
    roles = Role.unstored | Role.seed
    left_out = names_with(TrainConfig, roles if watched else roles | Role.watch)
    known = field_types(TrainConfig)
    return {key: value for key, value in before.items() if key in known and key not in left_out}
