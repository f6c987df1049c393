"""Negative sampling for torch batches: items that a user has not seen."""

from __future__ import annotations

import torch
from torch import Tensor

from mfcli.interactions import Interactions

# A batch's rejected draws are drawn again at most this often; what is left then (users who have
# seen nearly everything) is drawn exactly, by counting through the gaps between seen items.
MAX_ROUNDS = 8


class NegativeSampler:
    """Draws items uniformly from those that a user has not seen.

    ``seen`` is a list of interactions over one catalogue: all of them are excluded. A draw is
    checked by a sorted look-up of user × n_items + item, so no array of users × items exists.
    """

    def __init__(self, seen: list[Interactions], device: torch.device) -> None:
        """Index what is seen, on ``device``."""
        self.n_items = seen[0].n_items
        keys = [
            torch.from_numpy(each.users).to(device, torch.int64) * self.n_items
            + torch.from_numpy(each.indices).to(device, torch.int64)
            for each in seen
        ]
        # (S,) sorted keys, closed by a sentinel so that every look-up finds a neighbour.
        self.keys = torch.unique(torch.cat([*keys, torch.tensor([2**62], device=device)]))
        users = torch.arange(seen[0].n_users + 1, device=device)
        self.starts = torch.searchsorted(self.keys, users * self.n_items)  # (U + 1,)
        self.free = self.n_items - (self.starts[1:] - self.starts[:-1])  # (U,) unseen items

    def can_sample(self, users: Tensor) -> Tensor:
        """Return the mask of the users with at least one unseen item."""
        return self.free[users] > 0

    def is_seen(self, users: Tensor, items: Tensor) -> Tensor:
        """Tell for pairs (…) whether the user has seen the item."""
        keys = users.to(torch.int64) * self.n_items + items
        return self.keys[torch.searchsorted(self.keys, keys)] == keys

    def sample(self, users: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one unseen item for each user of (…), who must have one; returns int64 (…)."""
        flat = users.reshape(-1)
        items = self._draw(len(flat), generator)
        open_ = self.is_seen(flat, items).nonzero().squeeze(-1)
        for _ in range(MAX_ROUNDS):
            if not len(open_):
                break
            items[open_] = self._draw(len(open_), generator)
            open_ = open_[self.is_seen(flat[open_], items[open_])]
        if len(open_):
            items[open_] = self._exact(flat[open_].to(torch.int64), generator)
        return items.reshape(users.shape)

    def _draw(self, n: int, generator: torch.Generator) -> Tensor:
        device = self.keys.device
        return torch.randint(self.n_items, (n,), generator=generator, device=device)

    def _exact(self, users: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a rank among the unseen items and find the item of that rank by bisection.

        Of the first m items of the catalogue, m − (seen among them) are unseen; that grows with
        m, so the item of rank r is the largest one with at most r unseen before it.
        """
        free = self.free[users]
        uniform = torch.rand(
            len(users), generator=generator, device=users.device, dtype=torch.float64
        )
        rank = torch.minimum((uniform * free).to(torch.int64), free - 1)
        low, high = torch.zeros_like(rank), torch.full_like(rank, self.n_items - 1)
        while (low < high).any():
            middle = (low + high + 1) // 2
            seen = torch.searchsorted(self.keys, users * self.n_items + middle) - self.starts[users]
            fits = middle - seen <= rank
            low = torch.where(fits, middle, low)
            high = torch.where(fits, high, middle - 1)
        return low
