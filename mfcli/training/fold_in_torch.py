"""Folding users in by gradients, of torch: for models of the minibatch engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from mfcli.config import Recipe
from mfcli.data.interactions import Interactions
from mfcli.models.cosines import loss_of
from mfcli.models.modules import module_of
from mfcli.models.objectives import Batch
from mfcli.models.sampling import NegativeSampler
from mfcli.models.tables import Tables

STEPS, RATE = 40, 0.15  # of Adam; the rate falls to 0 in a line


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: a stretch is too small to share, and each worker has one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def descend(
    tables: Tables,
    entries: Interactions,
    values: NDArray[np.float32] | None,
    recipe: Recipe,
    seed: int,
) -> None:
    """Take all steps over all users of a small model, in place; its items stay as they are."""
    assert recipe.objective is not None
    generator = torch.Generator().manual_seed(seed)
    model = module_of(tables).eval()
    sampler = NegativeSampler([entries], torch.device("cpu"), recipe.negative_power)
    users = torch.from_numpy(entries.users)
    weights = None if values is None else torch.from_numpy(values)
    batch = Batch(users, torch.from_numpy(entries.indices), weights)
    batch = batch.part(sampler.can_sample(users))
    loss = loss_of(recipe, sampler)
    if recipe.cosine:  # zeros have no direction: begin from that of the history
        np.add.at(tables.user_factors, entries.users, tables.item_factors[entries.indices])
        tables.normalise_users()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in tables.user_names)
    own = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(own, lr=RATE)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        result = loss(model, batch, generator)
        optimizer.zero_grad()
        (result.loss + result.penalty).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    if recipe.cosine:
        tables.normalise_users()
