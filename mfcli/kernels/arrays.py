"""What kernels are handed: named tuples of NumPy arrays and scalars, typed as they come."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Int = Any  # Python or NumPy integers and floats: kernels take either
Float = Any
F32 = np.float32
NO_ROWS: Array = np.zeros((0, 0), np.float32)


class Weights(NamedTuple):
    """The learnt arrays, float32, updated in place; a model without biases has them of length 0."""

    user_factors: Array  # (U, F)
    item_factors: Array  # (I, F)
    user_bias: Array  # (U,)
    item_bias: Array  # (I,)
    user_implicit: Array = NO_ROWS  # (U, F) and (I, F) of svdpp
    item_implicit: Array = NO_ROWS


class Tiles(NamedTuple):
    """The shuffled copy of the ratings, tile t at bounds[t]:bounds[t + 1], and sums per tile."""

    bounds: Array  # (T + 1,) int64
    users: Array  # (n,) int32
    items: Array  # (n,) int32
    values: Array  # (n,) float32: ratings (mse), or weights of the loss; length 0 for 1
    losses: Array  # (T,) float64, written: sum of the samples' losses
    skipped: Array  # (T,) int64, written: samples without a negative, as their user has seen all


class SeenFilter(NamedTuple):
    """What each user has seen: CSR rows, sorted, and the filter in front (`fill_filter`)."""

    indptr: Array  # (U + 1,)
    indices: Array  # (n,)
    words: Array  # uint64
    starts: Array  # (U + 1,) int64


class Proposal(NamedTuple):
    """Where negatives are drawn from: an alias table, or uniformly from slices of all items.

    Uniform draws of a tile come from one of `slices` equal parts of the items, which are dealt
    anew in each epoch: every unseen item is as likely as any other, but the rows in use at a time
    fit the cache, and threads seldom fight over one.
    """

    popularity: Array  # (I,) float64, weights; the three are empty for uniform draws
    accept: Array  # (I,) uint32
    alias: Array  # (I,) int32
    dealt: Array  # (I,) int32, the items in this epoch's order
    slices: Int


class Rates(NamedTuple):
    """Step sizes of an epoch as float32: `decay` is 1 − rate · regularization, biases apart."""

    mean: Float
    rate: Float
    decay: Float
    bias_decay: Float


class Grid(NamedTuple):
    """How far an epoch over user strips × item strips is, shared by its workers.

    User strip u meets item strip items[(u + r) % S] in round r, so tile u · S + item strip is of
    one round. A tile may run when both of its strips are done with the rounds before.
    """

    items: Array  # (S,) int64, the item strips in this epoch's order; length 0 where there is none
    places: Array  # (S,) int64, its inverse
    user_turns: Array  # (8 S,) int64, a number every cache line: rounds that a strip is done with
    item_turns: Array  # (8 S,) int64
    claims: Array  # (S²,) int64, 1 for a tile that a worker has taken


class PassArguments(NamedTuple):
    """All that a pass needs but its tiles' order.

    `seen` and `proposal` are for sampled objectives, `grid` for mse.
    """

    key: Int  # uint64, a hash of seed and epoch
    objective: Int  # BPR, BPR_SQUARED or WARP for pairwise_pass
    negatives: Int  # draws for a positive; for warp the most draws
    ahead: Int  # ratings to look ahead when asking for rows (mse); 0 where they are cached anyway
    fixed: Int  # 1 where only users are learnt, as in folding in; sampled objectives only
    tiles: Tiles
    grid: Grid
    seen: SeenFilter
    proposal: Proposal
    weights: Weights
    rates: Rates
