"""The options of ``mfcli run``: those of all its stages."""

from __future__ import annotations

from dataclasses import dataclass

from mfcli.config.evaluate import EvaluateConfig
from mfcli.config.fetch import FetchConfig
from mfcli.config.recommend import (
    RecommendConfig,
)
from mfcli.config.split import SplitConfig
from mfcli.config.train import TrainConfig


@dataclass(frozen=True, kw_only=True)
class RunConfigs:
    """The configuration of every stage that a run goes through."""

    fetch: FetchConfig
    split: SplitConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    recommend: RecommendConfig
