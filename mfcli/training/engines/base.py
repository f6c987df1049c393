"""What an engine is, to the training life around it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from mfcli.events import Progress


@dataclass(frozen=True)
class EpochLoss:
    """The end of an epoch: its mean loss a sample."""

    loss: float


class TrainingEngine(Protocol):
    """Runs epochs over a model's weights, in place.

    An epoch may depend on the weights, on ``state()`` and on (seed, stage, epoch), on nothing
    else: that is what makes a resumed run end bit-identical to an uninterrupted one.
    """

    @property
    def n_samples(self) -> int:
        """Ratings visited in an epoch."""
        ...

    def epoch(self, number: int, learning_rate: float) -> Iterator[Progress | EpochLoss]:
        """Run epoch ``number`` (from 1): progress at most ten times a second, then the loss."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what beside the weights the next epoch depends on."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        ...


def epoch_seed(seed: int, stage: int, epoch: int) -> int:
    """Return a 62-bit seed of its own for every epoch of every stage."""
    digest = hashlib.sha256(f"{seed}/{stage}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 2
