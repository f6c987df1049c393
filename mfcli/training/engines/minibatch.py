"""The torch engine: whole batches sliced from tensors that were shuffled on the device."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from mfcli.config import Optimizer, Reduction, TrainConfig
from mfcli.data.interactions import Interactions
from mfcli.models.modules import FactorModel
from mfcli.models.objectives import OBJECTIVES, Batch, Penalty, values_of
from mfcli.models.sampling import NegativeSampler
from mfcli.results import Progress
from mfcli.training.engines.base import EpochLoss, epoch_seed

PROGRESS_SECONDS = 0.1


class MinibatchEngine:
    """Minimises any objective over any torch model with a torch optimizer.

    All randomness of an epoch (order, negatives, dropout) is a function of the seed, the stage
    and the epoch, so weights and optimizer state are all that a resumed run needs.
    """

    def __init__(
        self, model: FactorModel, train: Interactions, config: TrainConfig, stage: int
    ) -> None:
        """Move model and ratings to the device."""
        assert config.objective is not None
        self.model = model
        self.model.sparse = bool(config.sparse)  # a stage may differ from the one before
        self.config = config
        self.stage = stage
        self.device = next(model.parameters()).device
        self.objective = OBJECTIVES[config.objective]
        self.sampler: NegativeSampler | None = None
        if self.objective.sampled:
            self.sampler = NegativeSampler([train], self.device, config.negative_power or 0.0)
        self.data = self._tensors(train)
        self.optimizer = make_optimizer(model, config)
        self.parameters = list(model.parameters())
        self.penalty = Penalty(config.regularization or 0.0, config.bias_regularization or 0.0)

    def _tensors(self, train: Interactions) -> Batch:
        users = torch.from_numpy(train.users).to(self.device)
        items = torch.from_numpy(train.indices).to(self.device)
        values = values_of(train, self.config)
        batch = Batch(
            users, items, None if values is None else torch.from_numpy(values).to(self.device)
        )
        return batch if self.sampler is None else batch.part(self.sampler.can_sample(users))

    @property
    def n_samples(self) -> int:
        """Ratings visited in an epoch; users who have seen everything have no negatives."""
        return len(self.data.users)

    def epoch(self, number: int, learning_rate: float) -> Iterator[Progress | EpochLoss]:
        """Run one epoch: progress about ten times a second, then the mean loss a sample."""
        generator = torch.Generator(self.device)
        generator.manual_seed(epoch_seed(self.config.seed, self.stage, number))
        torch.manual_seed(epoch_seed(self.config.seed, self.stage, number) + 1)  # dropout
        order = torch.randperm(self.n_samples, generator=generator, device=self.device)
        shuffled = self.data.part(order)
        del order
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        size = self._batch_rows()
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        samples = 0
        shown = time.perf_counter()
        for start in range(0, self.n_samples, size):
            batch = shuffled.part(slice(start, start + size))
            loss, counted = self._step(batch, generator)
            total += loss
            samples += counted
            now = time.perf_counter()
            if now - shown >= PROGRESS_SECONDS:
                shown = now
                done = min(start + size, self.n_samples)
                yield Progress(done, self.n_samples, float(total) / samples)
        yield EpochLoss(float(total) / max(samples, 1))

    def _batch_rows(self) -> int:
        size = self.config.batch_size
        return max(1, self.n_samples) if size in (None, "full") else int(str(size))

    def _step(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, int]:
        negatives = None
        if self.sampler is not None:
            wanted = batch.users.unsqueeze(-1).expand(-1, self.config.negatives or 1)
            negatives = self.sampler.sample(wanted, generator)
        result = self.objective(self.model, batch, negatives, self.penalty)
        objective = result.loss + result.penalty
        if self.config.reduction is Reduction.mean:
            objective = objective / result.samples
        for each in self.parameters:  # what zero_grad does, without its bookkeeping
            each.grad = None
        objective.backward()  # type: ignore[no-untyped-call]
        if self.config.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        self.optimizer.step()
        return result.loss.detach(), result.samples

    def state(self) -> dict[str, Any]:
        """Return the optimizer's state, for ``load_state``."""
        return self.optimizer.state_dict()

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from an optimizer state."""
        self.optimizer.load_state_dict(state)


def make_optimizer(model: FactorModel, config: TrainConfig) -> torch.optim.Optimizer:
    """Make the optimizer of a configuration; biases are a group where their decay differs.

    A group costs a small batch a tenth of its time, so there is none without need.
    """
    biases = {id(each) for each in model.bias_parameters()}
    by_decay: dict[float, list[Tensor]] = {}
    for each in model.parameters():
        decay = config.bias_weight_decay if id(each) in biases else config.weight_decay
        by_decay.setdefault(decay or 0.0, []).append(each)
    groups: list[dict[str, Any]] = [
        {"params": params, "weight_decay": decay} for decay, params in by_decay.items()
    ]
    assert config.learning_rate is not None
    lr = config.learning_rate
    # The fused kernels take one pass over all parameters; none exists for sparse gradients.
    fused = None if config.sparse else True
    if config.optimizer is Optimizer.adam:
        return torch.optim.Adam(groups, lr=lr, fused=fused)
    if config.sparse:
        # The gradients come from torch itself; unless told, it warns that it does not check them.
        torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]
    if config.optimizer is Optimizer.adagrad:
        return torch.optim.Adagrad(groups, lr=lr, fused=fused)
    if config.optimizer is Optimizer.sgd:
        return torch.optim.SGD(groups, lr=lr, fused=fused)
    for group in groups:
        del group["weight_decay"]
    return torch.optim.SparseAdam(groups, lr=lr)
