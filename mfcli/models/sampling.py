"""Negative sampling for torch batches: items that a user has not seen."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mfcli.data.interactions import Interactions

# A batch's rejected draws are drawn again at most this often; what is left then (users who have
# seen nearly everything) is drawn exactly, by counting through the gaps between seen items.
MAX_ROUNDS = 8
WEIGHT_SCALE = 1 << 30


class SharedNegatives(NamedTuple):
    """Items that all positives of a batch have as negatives.

    shifts: the logarithm of how many items of the catalogue each stands for.
    hidden: which of them a positive's user has seen.
    """

    items: Tensor  # (M,) int64
    shifts: Tensor  # (M,)
    hidden: Tensor  # (B, M) bool


class NegativeSampler:
    """Draws items from those that a user has not seen: uniformly, or by popularity to a power.

    ``seen`` is a list of interactions over one catalogue: all of them are excluded. A draw is
    checked by a sorted look-up of user × n_items + item, so no array of users × items exists.
    """

    def __init__(self, seen: list[Interactions], device: torch.device, power: float = 0.0) -> None:
        """Index what is seen, on ``device``; an item's weight is max(count, 1) ** power."""
        self.n_items = seen[0].n_items
        keys = [
            torch.from_numpy(part.users).to(device, torch.int64) * self.n_items
            + torch.from_numpy(part.indices).to(device, torch.int64)
            for part in seen
        ]
        # (S,) sorted keys, closed by a sentinel so that every look-up finds a neighbour.
        self.keys = torch.unique(torch.cat([*keys, torch.tensor([2**62], device=device)]))
        users = torch.arange(seen[0].n_users + 1, device=device)
        self.starts = torch.searchsorted(self.keys, users * self.n_items)  # (U + 1,)
        self.free = self.n_items - (self.starts[1:] - self.starts[:-1])  # (U,) unseen items

        # Whole-number weights keep sums exact, so that no rounding lets a seen item through.
        counts = torch.from_numpy(seen[0].item_counts).to(device).clamp(min=1)
        relative = (counts / counts.max()).to(torch.float64) ** power
        self.uniform = power == 0.0
        weights = (relative * WEIGHT_SCALE).round().to(torch.int64).clamp(min=1)
        self.weights = torch.ones_like(counts) if self.uniform else weights
        zero = torch.zeros(1, dtype=torch.int64, device=device)
        self.before = torch.cat([zero, self.weights.cumsum(0)])  # (I + 1,) weight before an item
        seen_weights = self.weights[self.keys[:-1] % self.n_items]
        self.seen_before = torch.cat([zero, seen_weights.cumsum(0)])  # (S,) likewise, of the keys

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

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw items of any shape, int64, whoever has seen them."""
        return self._draw(math.prod(shape), generator).view(shape)

    def shared(self, users: Tensor, number: int, generator: torch.Generator) -> SharedNegatives:
        """Draw so many items for users (B,) together, or take all where there are no more."""
        device = self.keys.device
        if number >= self.n_items:
            items = torch.arange(self.n_items, device=device)
            shifts = torch.zeros(len(items), device=device)
        else:
            items = self._draw(number, generator)
            stands_for = math.log(int(self.before[-1])) - math.log(number)
            shifts = stands_for - self.weights[items].to(torch.float32).log()
        return SharedNegatives(items, shifts, self._hidden(users.to(torch.int64), items))

    def _hidden(self, users: Tensor, items: Tensor) -> Tensor:
        """Tell which of the items (M,) each user (B,) has seen, by going through what it has."""
        distinct, places = torch.unique(items, return_inverse=True)
        slots = torch.full((self.n_items,), -1, device=items.device)
        slots[distinct] = torch.arange(len(distinct), device=items.device)
        starts = self.starts[users]
        lengths = self.starts[users + 1] - starts
        rows = torch.arange(len(users), device=items.device).repeat_interleave(lengths)
        ends = lengths.cumsum(0)
        within = torch.arange(len(rows), device=items.device) - (ends - lengths)[rows]
        slot = slots[self.keys[starts[rows] + within] % self.n_items]
        met = slot >= 0
        hidden = torch.zeros(len(users), len(distinct), dtype=torch.bool, device=items.device)
        hidden[rows[met], slot[met]] = True
        return hidden[:, places]

    def _draw(self, n: int, generator: torch.Generator) -> Tensor:
        device = self.keys.device
        if self.uniform:
            return torch.randint(self.n_items, (n,), generator=generator, device=device)
        total = int(self.before[-1])
        point = torch.randint(total, (n,), generator=generator, device=device)
        return torch.searchsorted(self.before, point, right=True) - 1

    def _exact(self, users: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a point in the summed weight of the unseen items; find its item by bisection.

        The unseen weight before item m is the weight before m less that of the seen ones among
        them; it grows with m, so the item is the last one with at most ``point`` before it.
        """
        start = self.starts[users]
        free = self.before[-1] - (
            self.seen_before[self.starts[users + 1]] - self.seen_before[start]
        )
        uniform = torch.rand(
            len(users), generator=generator, device=users.device, dtype=torch.float64
        )
        point = torch.minimum((uniform * free).to(torch.int64), free - 1)
        low, high = torch.zeros_like(point), torch.full_like(point, self.n_items - 1)
        while (low < high).any():
            middle = (low + high + 1) // 2
            place = torch.searchsorted(self.keys, users * self.n_items + middle)
            seen = self.seen_before[place] - self.seen_before[start]
            fits = self.before[middle] - seen <= point
            low = torch.where(fits, middle, low)
            high = torch.where(fits, high, middle - 1)
        return low
