"""The guide to extending is true: a toy one of each is a name, an entry of a table, a function."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from torch import Tensor

from mfcli.artifacts.checkpoint import save_checkpoint
from mfcli.config import Engine, ModelKind, Objective, Optimizer, Recipe, Schedule, TrainConfig
from mfcli.config.ways import WAYS, Way
from mfcli.data.interactions import Interactions
from mfcli.data.rows import CsrRows
from mfcli.events import Progress
from mfcli.models.arrays import Vectors
from mfcli.models.base import Terms
from mfcli.models.dot import MF
from mfcli.models.loading import load_model
from mfcli.models.modules import MODELS
from mfcli.models.objectives import OBJECTIVES, Pairwise
from mfcli.models.tables import KINDS, Tables, vectors
from mfcli.training.engines import ENGINES
from mfcli.training.engines.base import EpochLoss
from mfcli.training.engines.minibatch import OPTIMIZERS
from mfcli.training.fit import Fitted, fit
from mfcli.training.schedules import SCHEDULES
from tests.helpers import interactions

TRAIN = interactions(40, 30, 0.3, seed=1)

Names = TypeVar("Names", bound=StrEnum)


def named(monkeypatch: pytest.MonkeyPatch, enum: type[Names], value: str) -> Names:
    """Add a member to an enum for one test, as a line in its class would."""
    member = str.__new__(enum, value)
    member._name_, member._value_ = value, value
    monkeypatch.setitem(enum._member_map_, value, member)
    monkeypatch.setitem(enum._value2member_map_, value, member)
    monkeypatch.setattr(enum, "_member_names_", [*enum._member_names_, value])
    return member


def trained(train: Interactions = TRAIN, **options: Any) -> Fitted:
    return fit(train, TrainConfig.merge(("", {"factors": 4, "epochs": 5} | options)).recipe())


def losses(fitted: Fitted) -> list[float]:
    return [result.train_loss for result in fitted.history]


def test_an_objective_is_an_entry_and_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    def squared_hinge(difference: Tensor) -> Tensor:
        return torch.relu(1.0 - difference).square()

    toy = named(monkeypatch, Objective, "squared-hinge")
    like = WAYS[Engine.minibatch, Objective.bpr]
    monkeypatch.setitem(WAYS, (Engine.minibatch, toy), like)
    monkeypatch.setitem(OBJECTIVES, toy, Pairwise(squared_hinge))
    likes = dataclasses.replace(TRAIN, data=np.ones_like(TRAIN.data))
    fitted = trained(likes, objective="squared-hinge", engine="minibatch")
    assert losses(fitted)[-1] < losses(fitted)[0]
    assert fitted.checkpoint.options["objective"] == "squared-hinge"
    assert fitted.checkpoint.options["negatives"] == like.defaults["negatives"]


def test_a_schedule_is_an_entry_and_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    def root(rate: float, decay: float, e: int, epochs: int) -> float:  # noqa: ARG001
        return rate / math.sqrt(1 + e)

    monkeypatch.setitem(SCHEDULES, named(monkeypatch, Schedule, "root"), root)
    fitted = trained(schedule="root", learning_rate=0.5, epochs=4)
    rates = [result.learning_rate for result in fitted.history]
    assert rates == pytest.approx([0.5, 0.5 / math.sqrt(2), 0.5 / math.sqrt(3), 0.25])


def test_an_optimizer_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def rms(groups: list[dict[str, Any]], *, lr: float, fused: bool | None) -> Any:  # noqa: ARG001
        return torch.optim.RMSprop(groups, lr=lr)

    monkeypatch.setitem(OPTIMIZERS, named(monkeypatch, Optimizer, "rmsprop"), rms)
    fitted = trained(optimizer="rmsprop", weight_decay=0.01)
    assert losses(fitted)[-1] < losses(fitted)[0]


class DoubledMF(MF):
    """A model whose score is twice a dot product."""

    def score(self, user: Terms, item: Terms) -> Tensor:
        return 2 * super().score(user, item)


def doubled(tables: Tables, seen: CsrRows) -> Vectors:
    plain = vectors(tables, seen)
    return plain._replace(users=2 * plain.users)


def test_a_model_is_two_entries_and_a_class_and_its_file_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    toy = named(monkeypatch, ModelKind, "doubled")
    key = (Engine.minibatch, Objective.mse)
    way = dataclasses.replace(WAYS[key], models=WAYS[key].models | {toy})
    monkeypatch.setitem(WAYS, key, way)
    monkeypatch.setitem(MODELS, toy, DoubledMF)
    monkeypatch.setitem(KINDS, toy, KINDS[ModelKind.mf]._replace(scoring=doubled))
    fitted = trained(model="doubled")
    assert losses(fitted)[-1] < losses(fitted)[0]
    save_checkpoint(tmp_path / "m.pt", fitted.checkpoint)
    checkpoint, scoring = load_model(tmp_path / "m.pt")
    assert checkpoint.model_args.model == "doubled"
    users, items = (checkpoint.weights[f"{side}_factors"] for side in ("user", "item"))
    found = scoring.pairs(np.array([3]), np.array([5]))[0]
    assert found == pytest.approx(2 * float(users[3] @ items[5]), rel=1e-5)


class ItemMeans:
    """An engine that moves each item's bias half-way to the mean of its ratings' rest."""

    def __init__(
        self,
        model: Tables,
        train: Interactions,
        recipe: Recipe,
        stage: int,  # noqa: ARG002
        workers: int,  # noqa: ARG002
    ) -> None:
        self.model, self.train, self.mean = model, train, model.mean
        self.damping = recipe.regularization
        self.n_samples = train.n_ratings

    def epoch(self, number: int, learning_rate: float) -> Iterator[Progress | EpochLoss]:  # noqa: ARG002
        biases = self.model.weights["item_bias"][:, 0]
        rest = self.train.data - self.mean - biases[self.train.indices]
        sums = np.bincount(self.train.indices, rest, minlength=self.train.n_items)
        biases += 0.5 * sums / (self.train.item_counts + self.damping + 1e-9)
        yield Progress(self.n_samples, self.n_samples)
        yield EpochLoss(float((rest**2).mean()))

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore nothing."""


def test_an_engine_is_an_entry_and_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = named(monkeypatch, Engine, "item-means")
    models = frozenset({ModelKind.biased_mf})
    defaults = {"epochs": 5, "factors": 0, "regularization": 0.0, "init": "normal:0"}
    monkeypatch.setitem(WAYS, (toy, Objective.mse), Way(models=models, defaults=defaults))
    monkeypatch.setitem(ENGINES, toy, (__name__, "ItemMeans"))
    fitted = trained(engine="item-means", factors=0)
    assert losses(fitted)[-1] < losses(fitted)[0]
    assert len(fitted.history) == 5
    assert fitted.checkpoint.options["engine"] == "item-means"
