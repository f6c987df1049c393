"""Negatives that score high, for torch: of some draws the one that the model ranks first.

Dynamic negative sampling (Zhang, Chen, Wang & Yu 2013): an item drawn at random is mostly one that
the model ranks far below the positive already, and teaches it nothing. The more items there are,
the more of them must be drawn to meet one that is still too high.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mfcli.config import Recipe
from mfcli.models.base import FactorModel
from mfcli.models.sampling import NegativeSampler

GROUP = 32  # positives that share their draws, so that scoring them is a product of matrices
BEST = 4  # draws of highest score that are tried until one is unseen


def negatives_for(
    model: FactorModel,
    users: Tensor,
    recipe: Recipe,
    sampler: NegativeSampler,
    generator: torch.Generator,
) -> Tensor:
    """Return the negatives (B, N) that a recipe draws for users (B,)."""
    if recipe.hardest_of > 1:
        return hardest(model, users, recipe.negatives, recipe.hardest_of, sampler, generator)
    return sampler.sample(users.unsqueeze(-1).expand(-1, recipe.negatives), generator)


@torch.no_grad()
def hardest(
    model: FactorModel,
    users: Tensor,
    number: int,
    of: int,
    sampler: NegativeSampler,
    generator: torch.Generator,
) -> Tensor:
    """Return for each of users (B,) so many unseen items (B, number), int64.

    Each is the one of highest score of ``of`` draws. Where the user has seen the first ``BEST`` of
    them it is a plain draw. The model's score is a dot product, plus the item's bias if any.
    """
    size = len(users)
    groups = -(-size // GROUP)
    drawn = sampler.draw((groups, number * of), generator)  # (G, M)
    padded = torch.nn.functional.pad(users, (0, groups * GROUP - size))
    vectors = model.user_terms(padded).vectors.view(groups, GROUP, model.user_factors.shape[1])
    terms = model.item_terms(drawn)
    scores = torch.bmm(vectors, terms.vectors.transpose(1, 2))  # (G, GROUP, M)
    if terms.biases is not None:
        scores += terms.biases.unsqueeze(1)
    best = scores.view(groups * GROUP, number, of)[:size].topk(min(BEST, of)).indices
    offered = drawn.repeat_interleave(GROUP, dim=0)[:size].view(size, number, of)
    items = offered.gather(2, best)  # (B, number, BEST)
    seen = sampler.is_seen(users.view(-1, 1, 1), items)
    first = seen.to(torch.uint8).argmin(-1, keepdim=True)  # the first that is not seen, if any
    chosen = items.gather(2, first).squeeze(-1)
    none = seen.all(-1)
    if none.any():
        rows = users.unsqueeze(-1).expand_as(none)[none]
        chosen[none] = sampler.sample(rows, generator)
    return chosen
