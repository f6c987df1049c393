"""What a rule is that makes options of the facts of a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mfcli.config import Engine, ModelKind, Objective, Recipe
from mfcli.training.facts import Facts

# Facts, and a recipe whose given options are in place → options, those of ``config.ways`` for data
# of this kind. An option that was given, or means nothing in the setting, is left out afterwards.
Rule = Callable[[Facts, Recipe], dict[str, Any]]
# A rule of an engine and a model goes before that of the engine and the objective.
Rules = dict[tuple[Engine, Objective | ModelKind], Rule]
