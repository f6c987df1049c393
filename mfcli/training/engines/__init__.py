"""Training loops, and the life around them that all engines share."""

from __future__ import annotations

from mfcli.config import Engine, TrainConfig
from mfcli.data.interactions import Interactions
from mfcli.models.modules import FactorModel
from mfcli.training.engines.base import TrainingEngine


def make_engine(
    model: FactorModel, train: Interactions, config: TrainConfig, stage: int, workers: int
) -> TrainingEngine:
    """Make the engine of a resolved configuration; each is imported when it is needed."""
    if config.engine is Engine.hogwild:
        from mfcli.training.engines.hogwild import HogwildEngine

        return HogwildEngine(model, train, config, stage, workers)
    if config.engine is Engine.als:
        from mfcli.training.engines.als import ALSEngine

        return ALSEngine(model, train, config, workers)
    if config.engine is Engine.closed_form:
        from mfcli.training.engines.closed_form import ClosedFormEngine

        return ClosedFormEngine(model, train, config, stage)
    from mfcli.training.engines.minibatch import MinibatchEngine

    return MinibatchEngine(model, train, config, stage)
