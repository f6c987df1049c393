"""The minibatch engine: whole batches, sliced from tensors that were shuffled on the device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfcli.config import FULL, Optimizer, Recipe, Reduction
from mfcli.data.interactions import Interactions
from mfcli.events import Progress
from mfcli.models.base import FactorModel
from mfcli.models.cosines import loss_of
from mfcli.models.modules import module_of
from mfcli.models.objectives import Batch
from mfcli.models.sampling import NegativeSampler
from mfcli.models.tables import Tables
from mfcli.models.values import values_of
from mfcli.training.engines.base import EpochLoss, epoch_seed
from mfcli.training.engines.devices import CPU, choose_device
from mfcli.training.engines.squared import SquaredSteps, writes_out

PROGRESS_SECONDS = 0.1


class MinibatchEngine:
    """Minimises any objective over any torch model with a torch optimizer.

    All randomness of an epoch (order, negatives, dropout) is a function of the seed, the stage
    and the epoch, so weights and optimizer state are all that a resumed run needs.
    """

    def __init__(
        self,
        tables: Tables,
        train: Interactions,
        recipe: Recipe,
        stage: int,
        workers: int,  # noqa: ARG002 - torch has threads of its own
    ) -> None:
        """Wrap the tables as a torch model; move it and the ratings to the device."""
        assert recipe.objective is not None
        self.tables, self.recipe, self.stage = tables, recipe, stage
        self.device = torch.device(choose_device(recipe.device, recipe.engine))
        self.model = module_of(tables).to(self.device)
        self.model.sparse, self.model.dropout = recipe.sparse, recipe.dropout
        self.sampler: NegativeSampler | None = None
        if recipe.sampled:
            self.sampler = NegativeSampler([train], self.device, recipe.negative_power)
        self.data = self._tensors(train)
        self.optimizer = make_optimizer(self.model, recipe)
        self.parameters = list(self.model.parameters())
        self.loss = loss_of(recipe, self.sampler)
        self.squared: SquaredSteps | None = None
        if writes_out(recipe, self.model, self.device):
            self.squared = SquaredSteps(self.model, recipe)

    def _tensors(self, train: Interactions) -> Batch:
        users = torch.from_numpy(train.users).to(self.device)
        items = torch.from_numpy(train.indices).to(self.device)
        values = values_of(train, self.recipe)
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
        if self.device.type != CPU:
            self._take_tables()
        generator = torch.Generator(self.device)
        generator.manual_seed(epoch_seed(self.recipe.seed, self.stage, number))
        torch.manual_seed(epoch_seed(self.recipe.seed, self.stage, number) + 1)  # dropout
        order = torch.randperm(self.n_samples, generator=generator, device=self.device)
        shuffled = self.data.part(order)
        del order
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        size = self.recipe.batch_size
        if size == FULL:
            size = max(1, self.n_samples)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        samples = 0
        shown = time.perf_counter()
        for start in range(0, self.n_samples, size):
            batch = shuffled.part(slice(start, start + size))
            if self.squared is None:
                loss, counted = self._step(batch, generator)
            else:
                loss, counted = self.squared(batch, learning_rate)
            total += loss
            samples += counted
            now = time.perf_counter()
            if now - shown >= PROGRESS_SECONDS:
                shown = now
                done = min(start + size, self.n_samples)
                yield Progress(done, self.n_samples, float(total) / samples)
        if self.recipe.cosine:
            self._normalise()
        if self.device.type != CPU:
            self.tables.load({name: _array_of(entry) for name, entry in self._weights()})
        yield EpochLoss(float(total) / max(samples, 1))

    def _weights(self) -> Iterable[tuple[str, Tensor]]:
        """Return the weights on the device by name; on the CPU they are the tables' memory."""
        return self.model.state_dict().items()

    @torch.no_grad()
    def _take_tables(self) -> None:
        for name, weight in self._weights():
            weight.copy_(torch.from_numpy(self.tables.weights[name]))

    @torch.no_grad()
    def _normalise(self) -> None:
        """Bring the vectors back to length 1: what a step does to it changes no cosine."""
        for factors in (self.model.user_factors, self.model.item_factors):
            factors.copy_(torch.nn.functional.normalize(factors, dim=1))

    def _step(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, int]:
        result = self.loss(self.model, batch, generator)
        objective = result.loss + result.penalty
        if self.recipe.reduction is Reduction.mean:
            objective = objective / result.samples
        for parameter in self.parameters:  # what zero_grad does, without its bookkeeping
            parameter.grad = None
        objective.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip_norm < math.inf:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip_norm)
        self.optimizer.step()
        return result.loss.detach(), result.samples

    def state(self) -> dict[str, Any]:
        """Return the optimizer's state, for ``load_state``: arrays and plain values."""
        found: dict[str, Any] = _converted(self.optimizer.state_dict(), Tensor, _array_of)
        return found

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from an optimizer state."""
        self.optimizer.load_state_dict(_converted(state, np.ndarray, torch.tensor))


def _array_of(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor as an array, on the same memory where it is on the CPU."""
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


def _converted(value: Any, kind: type, convert: Callable[[Any], Any]) -> Any:
    """Return tables and lists with all parts of a kind converted."""
    if isinstance(value, dict):
        return {key: _converted(part, kind, convert) for key, part in value.items()}
    if isinstance(value, list):
        return [_converted(part, kind, convert) for part in value]
    return convert(value) if isinstance(value, kind) else value


def _sparse_adam(groups: list[dict[str, Any]], *, lr: float, fused: bool | None) -> Any:  # noqa: ARG001
    """Make torch's SparseAdam, which has neither decay nor a fused kernel."""
    return torch.optim.SparseAdam([{"params": group["params"]} for group in groups], lr=lr)


# A new optimizer is one entry here: (groups of parameters with a decay each, lr=, fused=).
OPTIMIZERS: dict[Optimizer, Callable[..., torch.optim.Optimizer]] = {
    Optimizer.sgd: torch.optim.SGD,
    Optimizer.adam: torch.optim.Adam,
    Optimizer.adagrad: torch.optim.Adagrad,
    Optimizer.sparse_adam: _sparse_adam,
}


def make_optimizer(model: FactorModel, recipe: Recipe) -> torch.optim.Optimizer:
    """Make the optimizer of a recipe; biases are a group where their decay differs.

    A group costs a small batch a tenth of its time, so there is none without need.
    """
    biases = {id(bias) for bias in model.bias_parameters()}
    by_decay: dict[float, list[Tensor]] = {}
    for parameter in model.parameters():
        apart = id(parameter) in biases
        decay = recipe.bias_weight_decay if apart else recipe.weight_decay
        by_decay.setdefault(decay, []).append(parameter)
    groups = [{"params": params, "weight_decay": decay} for decay, params in by_decay.items()]
    if recipe.sparse:
        # The gradients come from torch itself; unless told, it warns that it does not check them.
        torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]
    # The fused kernels take one pass over all parameters; none exists for sparse gradients.
    fused = None if recipe.sparse else True
    return OPTIMIZERS[recipe.optimizer](groups, lr=recipe.learning_rate, fused=fused)
