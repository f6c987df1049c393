"""Training loops, and the life around them that all engines share."""

from __future__ import annotations

from mfcli.config import Engine, TrainConfig
from mfcli.engines.base import TrainingEngine
from mfcli.interactions import Interactions
from mfcli.models import FactorModel


def make_engine(
    model: FactorModel, train: Interactions, config: TrainConfig, stage: int, workers: int
) -> TrainingEngine:
    """Make the engine of a resolved configuration; each is imported when it is needed."""
    if config.engine is Engine.hogwild:
        from mfcli.engines.hogwild import HogwildEngine

        return HogwildEngine(model, train, config, stage, workers)
    if config.engine is Engine.als:
        from mfcli.engines.als import ALSEngine

        return ALSEngine(model, train, config, workers)
    if config.engine is Engine.closed_form:
        from mfcli.engines.closed_form import ClosedFormEngine

        return ClosedFormEngine(model, train, config, stage)
    from mfcli.engines.minibatch import MinibatchEngine

    return MinibatchEngine(model, train, config, stage)
