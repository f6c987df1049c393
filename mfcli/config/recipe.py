"""What a training follows: every choice made, every value of a concrete type."""

from __future__ import annotations

import functools
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from mfcli.config.choices import (
    Confidence,
    Device,
    Engine,
    ModelKind,
    Objective,
    Optimizer,
    Order,
    PositiveWeight,
    Reduction,
    Schedule,
    Setting,
)
from mfcli.config.model_args import ModelArgs
from mfcli.errors import UsageError

FULL = 0  # the batch size that takes all samples at once


class Init(NamedTuple):
    """A start distribution: ``normal`` with standard deviation b, or ``uniform`` from a to b.

    ``scaled`` is normal with standard deviation b/√F over F factors, so that the spread of a dot
    product at the start does not depend on the width.
    """

    kind: str
    a: float
    b: float

    @classmethod
    def read(cls, text: str) -> Init:
        """Read ``normal:STD``, ``scaled:STD`` or ``uniform:LOW:HIGH``; raises ValueError."""
        kind, *numbers = text.split(":")
        values = [float(number) for number in numbers]
        if kind in ("normal", "scaled") and len(values) == 1:
            return cls(kind, 0.0, values[0])
        if kind == "uniform" and len(values) == 2:
            return cls(kind, values[0], values[1])
        raise ValueError(f"{text!r} names no start distribution")


ZERO = Init("normal", 0.0, 0.0)


def parse_init(name: str, text: str) -> Init:
    """Read and check the value of option ``name``; raises UsageError."""
    try:
        init = Init.read(text)
    except ValueError:
        init = None
    if init is not None:
        lowest = -1e6 if init.kind == "uniform" else 0.0
        start = init.a if init.kind == "uniform" else init.b
        if lowest <= start <= init.b < 1e6 and start > -1e6:
            return init
    raise UsageError(f"{name} {text!r} should look like normal:0.05, scaled:0.1 or uniform:0:0.05")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a training follows. An option that means nothing in a setting has a neutral value.

    objective:       None for popularity, which minimises nothing.
    rating_unit:     what ratings are divided by while training; 0 for what their spread asks for.
    rank_shrinkage:  κ of what ranks; without meaning where the objective is not mse.
    epochs:          1 for the closed-form engine.
    batch_size:      samples a step; ``FULL`` (0) for all of them.
    clip_norm:       infinite where gradients are not clipped.
    last_epoch:      the epoch after which a stage ends; 0 for ``epochs``.
    patience:        0 for no early stopping.
    time_limit:      seconds; infinite for none.
    workers:         0 for as many threads as there are cores.
    metrics:         full names of what is measured on validation rows, the driving one first.
    stages:          one recipe for each [[train.stages]]; empty where there is one stage.
    options:         the plain values that are stored with the model.
    chosen:          the names of the options that were given, not filled in.
    """

    model: ModelKind
    objective: Objective | None
    engine: Engine
    seed: int = 0
    factors: int = 0
    item_factors: int = 0
    hidden: tuple[int, ...] = ()
    global_mean: bool = False
    rating_unit: float = 0.0
    dropout: float = 0.0
    rank_shrinkage: float = 0.0

    epochs: int = 1
    last_epoch: int = 0
    learning_rate: float = 0.0
    schedule: Schedule = Schedule.constant
    decay: float = 0.0
    regularization: float = 0.0
    bias_regularization: float = 0.0
    weight_decay: float = 0.0
    bias_weight_decay: float = 0.0
    optimizer: Optimizer = Optimizer.sgd
    sparse: bool = False
    batch_size: int = FULL
    reduction: Reduction = Reduction.mean
    clip_norm: float = math.inf
    negatives: int = 1
    hardest_of: int = 1
    negative_power: float = 0.0
    positive_weight: PositiveWeight = PositiveWeight.none
    temperature: float = 1.0
    margin: float = 0.0
    negative_weight: float = 1.0
    unobserved_weight: float = 0.0
    regularization_exponent: float = 1.0
    confidence: Confidence = Confidence.none
    alpha: float = 1.0
    damping: float = 0.0
    init: Init = ZERO
    bias_init: Init = ZERO

    eval_every: int = 1
    patience: int = 0
    time_limit: float = math.inf
    device: Device = Device.auto
    order: Order = Order.grid
    workers: int = 0

    metrics: tuple[str, ...] = ()
    stages: tuple[Recipe, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()

    @classmethod
    def read(cls, plain: Mapping[str, Any], **more: Any) -> Recipe:
        """Read plain options of train; those that are not there take their neutral values.

        No rule is applied to them: what an earlier version stored is read, whatever may be asked
        for today. ``more`` are the recipe's metrics, stages, options and chosen options. Raises
        ValueError, TypeError or KeyError for values of another kind.
        """
        values = {name: reader(plain[name]) for name, reader in _readers().items() if name in plain}
        values = {"objective": None, "item_factors": values.get("factors", 0), **values}
        return cls(**values, **more)

    @property
    def setting(self) -> Setting:
        """Model, objective and engine."""
        return Setting(self.model, self.objective, self.engine)

    @property
    def named(self) -> str:
        """What messages call the recipe: its objective, or its model where there is none."""
        return f"--objective {self.objective}" if self.objective else f"--model {self.model}"

    @property
    def sampled(self) -> bool:
        """Whether the objective draws negatives."""
        return self.setting.sampled

    @property
    def cosine(self) -> bool:
        """Whether scores are cosines: vectors have length 1."""
        return self.setting.cosine

    @property
    def ends(self) -> int:
        """The epoch after which a stage ends; the schedule is that of all ``epochs``."""
        return min(self.epochs, self.last_epoch or self.epochs)

    @property
    def steps(self) -> tuple[Recipe, ...]:
        """The stages of training, of which there is at least one."""
        return self.stages or (self,)

    def model_args(self, n_users: int, n_items: int) -> ModelArgs:
        """Return what builds the model for a matrix of that size."""
        return ModelArgs(
            model=self.model,
            n_users=n_users,
            n_items=n_items,
            factors=self.factors,
            item_factors=self.item_factors,
            hidden=self.hidden,
        )


def _batch_size(value: Any) -> int:
    return FULL if value == "full" else int(value)


@functools.cache
def _readers() -> dict[str, Callable[[Any], Any]]:
    """Map each option's name to what turns its plain value into the field's type."""
    apart: dict[Any, Callable[[Any], Any]] = {
        tuple[int, ...]: tuple,
        Objective | None: Objective,
        Init: Init.read,
    }
    hints = typing.get_type_hints(Recipe)
    names = [option.name for option in fields(Recipe)]
    readers = {name: apart.get(hints[name], hints[name]) for name in names}
    for name in ("metrics", "stages", "options", "chosen"):
        del readers[name]
    return readers | {"batch_size": _batch_size}
