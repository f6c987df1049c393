"""The minibatch engine against the same torch loop written bare, and an older system's loop.

    python -m tests.benchmarks.bench_minibatch [--repeats N] [--quick]

An epoch of each is timed whole, its shuffling included; runs alternate. The loops share model,
loss, regularization, optimizer, batch size and number of threads; the older system's asks its data
for one rating at a time, takes Adam unfused and each batch's loss to Python. The data is
generated: the size of ml-100k's train part, and some of the 20 million ratings of 138,000 users
and 27,000 items.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from mfcli.config import Recipe, TrainConfig
from mfcli.data.interactions import Catalog, Interactions
from mfcli.models.tables import Tables
from mfcli.training.engines.devices import threads_for
from mfcli.training.engines.minibatch import MinibatchEngine
from tests.benchmarks.measuring import Row, against, alternated, generate, machine, table, versions

REGULARIZATION, BIAS_REGULARIZATION = 0.12, 0.02


def ratings(n_users: int, n_items: int, number: int) -> Interactions:
    """Generate ratings as the engine takes them."""
    matrix = generate(n_users, n_items, number)
    catalog = Catalog(np.arange(n_users), np.arange(n_items))
    return Interactions(matrix.indptr, matrix.indices, matrix.data.astype(np.float32), catalog)


def engine(train: Interactions, recipe: Recipe) -> MinibatchEngine:
    """Make our engine as the train stage does."""
    model = Tables.drawn(recipe, train.n_users, train.n_items)
    model.set_mean(float(train.data.mean(dtype=np.float64)))
    return MinibatchEngine(model, train, recipe, 0, 1)


def ours(train: Interactions, recipe: Recipe) -> Callable[[], float]:
    """Return a function that runs our next epoch and returns its seconds."""
    made = engine(train, recipe)
    numbers = iter(range(1, 1_000_000))

    def epoch() -> float:
        start = time.perf_counter()
        for _ in made.epoch(next(numbers), recipe.learning_rate):
            pass
        return time.perf_counter() - start

    return epoch


class Bare:
    """Biased matrix factorization in as few lines of torch as it takes."""

    def __init__(self, train: Interactions, recipe: Recipe) -> None:
        factors = recipe.factors
        self.users = torch.from_numpy(train.users.astype(np.int64))
        self.items = torch.from_numpy(train.indices.astype(np.int64))
        self.values = torch.from_numpy(train.data)
        self.mean = float(train.data.mean(dtype=np.float64))
        self.P = nn.Parameter(0.01 * torch.randn(train.n_users, factors))
        self.Q = nn.Parameter(0.01 * torch.randn(train.n_items, factors))
        self.a = nn.Parameter(torch.zeros(train.n_users, 1))
        self.b = nn.Parameter(torch.zeros(train.n_items, 1))
        self.sparse, self.size = recipe.sparse, recipe.batch_size
        kind: Any = torch.optim.SGD if self.sparse else torch.optim.Adam
        options = {} if self.sparse else {"fused": True}
        self.optimizer = kind([self.P, self.Q, self.a, self.b], lr=recipe.learning_rate, **options)

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Shuffle the tensors once, and slice them."""
        order = torch.randperm(len(self.values))
        users, items, values = self.users[order], self.items[order], self.values[order]
        for start in range(0, len(values), self.size):
            part = slice(start, start + self.size)
            yield users[part], items[part], values[part]

    def epoch(self) -> float:
        start = time.perf_counter()
        total = torch.zeros(())
        for users, items, values in self.batches():
            p = F.embedding(users, self.P, sparse=self.sparse)
            q = F.embedding(items, self.Q, sparse=self.sparse)
            a = F.embedding(users, self.a, sparse=self.sparse).squeeze(-1)
            b = F.embedding(items, self.b, sparse=self.sparse).squeeze(-1)
            loss = ((p * q).sum(-1) + a + b + self.mean - values).square().sum()
            penalty = REGULARIZATION * (p.square().sum() + q.square().sum())
            penalty = penalty + BIAS_REGULARIZATION * (a.square().sum() + b.square().sum())
            self.optimizer.zero_grad()
            ((loss + penalty) / len(values)).backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            total += loss.detach()
        float(total)
        return time.perf_counter() - start


class ByRating(Dataset[Any]):
    """One Python call a rating, as an older system fed its batches: NumPy scalars to collate."""

    def __init__(self, train: Interactions) -> None:
        self.users, self.items, self.values = train.users, train.indices, train.data

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, at: int) -> Any:
        return (self.users[at], self.items[at]), self.values[at]


class Older(nn.Module):
    """The loop of the older system: its loader, its model, its Adam, its running loss."""

    def __init__(self, train: Interactions, recipe: Recipe) -> None:
        super().__init__()
        factors = recipe.factors
        self.dropout = nn.Dropout(recipe.dropout)
        self.users, self.items = nn.ModuleList(), nn.ModuleList()
        for width in (1, factors):
            self.users.append(nn.Embedding(train.n_users, width))
            self.items.append(nn.Embedding(train.n_items, width))
        size = recipe.batch_size
        self.loader = DataLoader(ByRating(train), batch_size=size, shuffle=True)
        self.optimizer = torch.optim.Adam(
            self.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Return biases + ⟨dropout(u), dropout(v)⟩, (B,)."""
        score = self.users[0](users) + self.items[0](items)
        u, v = self.dropout(self.users[1](users)), self.dropout(self.items[1](items))
        return (score + (u * v).sum(1, keepdim=True)).squeeze()

    def epoch(self) -> float:
        start = time.perf_counter()
        total = 0.0
        for (users, items), values in self.loader:
            self.optimizer.zero_grad()
            loss = F.mse_loss(self(users.long(), items.long()), values, reduction="sum")
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            total += loss.item()
        return time.perf_counter() - start


# The older system's setting of that loop.
OLDER: dict[str, Any] = {
    "learning_rate": 0.02,
    "dropout": 0.02,
    "weight_decay": 0.1,
    "reduction": "sum",
    "global_mean": False,
    "init": "normal:1",
    "bias_init": "normal:1",
    "regularization": 0.0,
    "bias_regularization": 0.0,
}


def recipe_of(factors: int, batch: int, sparse: bool, **others: Any) -> Recipe:
    """Resolve a configuration of biased-mf, mse and minibatch."""
    optimizer = {"optimizer": "sgd" if sparse else "adam", "sparse": sparse}
    options = {
        "factors": factors,
        "batch_size": str(batch),
        "learning_rate": 0.01,
        **optimizer,
        "regularization": REGULARIZATION,
        "bias_regularization": BIAS_REGULARIZATION,
    } | others
    return TrainConfig.merge(("", options)).recipe()


def speeds(train: Interactions, runs: list[Callable[[], float]], repeats: int) -> list[list[float]]:
    """Return millions of ratings a second of each loop, after an epoch of each to warm up."""
    for run in runs:
        run()
    return [
        [train.n_ratings / second / 1e6 for second in seconds]
        for seconds in alternated(runs, repeats)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the large data")
    chosen = parser.parse_args()
    cores = torch.get_num_threads()
    title = f"minibatch: {machine()}; {versions('torch')}; threads as train chooses, for both"

    train, recipe = ratings(943, 1682, 90_570), recipe_of(10, 1024, sparse=False)
    torch.set_num_threads(threads_for(recipe, cores))
    repeats = max(chosen.repeats, 5)
    small = f"{train.n_ratings:,} ratings, 10 factors, batch 1,024, Adam"
    mine, bare = speeds(train, [ours(train, recipe), Bare(train, recipe).epoch], 3 * repeats)
    rows: list[Row] = [against(f"{small}; bare loop", mine, bare, 0.9, "M/s", 2)]
    recipe = recipe_of(10, 1024, sparse=False, **OLDER)
    mine, older = speeds(train, [ours(train, recipe), Older(train, recipe).epoch], repeats)
    rows.append(against(f"{small}; older system's loop", mine, older, 4, "M/s", 2))

    train = ratings(138_000, 27_000, 200_000 if chosen.quick else 20_000_000)
    for sparse, name in ((False, "dense fused Adam"), (True, "sparse SGD")):
        recipe = recipe_of(64, 65_536, sparse)
        torch.set_num_threads(threads_for(recipe, cores))
        mine, bare = speeds(train, [ours(train, recipe), Bare(train, recipe).epoch], repeats)
        setting = f"138,000 × 27,000, {train.n_ratings / 1e6:g} M, 64 factors, batch 65,536"
        rows.append(against(f"{setting}, {name}; bare loop", mine, bare, 0.9, "M/s", 2))
    table(title, rows)


if __name__ == "__main__":
    main()
