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
    skipped: Array  # (T,) int64, written: samples whose user has seen all that is drawn from


class SeenFilter(NamedTuple):
    """What each user has seen: CSR rows, sorted, and the filter in front (`fill_filter`)."""

    indptr: Array  # (U + 1,)
    indices: Array  # (n,)
    words: Array  # uint64
    starts: Array  # (U + 1,) int64


class Proposal(NamedTuple):
    """Where negatives are drawn from: strips of the items, which lie one after the other.

    Positives of one item strip that a turn holds have negatives from the other, which no other
    turn of the round touches and which fits the cache: uniformly, or by the strip's alias table of
    the items' weights. A sample weighs as much as its strip holds of all weight, times K, so that
    an item counts by its own weight alone.
    """

    popularity: Array  # (I,) float64, weights; the three are empty for uniform draws
    accept: Array  # (I,) uint32, of places in `dealt`
    alias: Array  # (I,) int32, places in `dealt`
    dealt: Array  # (I,) int32, the items strip by strip
    bounds: Array  # (K + 1,) int64, strip s is dealt[bounds[s]:bounds[s + 1]]
    shares: Array  # (K,) float32, K times the strip's part of all weight


class Rates(NamedTuple):
    """Step sizes of an epoch as float32: `decay` is 1 − rate · regularization, biases apart."""

    mean: Float
    rate: Float
    decay: Float
    bias_decay: Float


class Grid(NamedTuple):
    """The turns of an epoch in S rounds, and how far its workers are.

    In round r user strip u has turn u · S + r, which holds one or two item strips: its tiles. A
    turn may run when the strips that it holds are done with the rounds before; turns of a round
    hold different ones.
    """

    first: Array  # (S²,) int64, the item strip that a turn holds; length 0 where there is no grid
    second: Array  # (S²,) int64, the other one; the same again where it holds one
    own: Array  # (S,) int64, 1 for a round whose negatives come from the positive's own strip
    holders: Array  # (S K,) int64, the user strip that holds an item strip in a round
    user_turns: Array  # (8 S,) int64, a number every cache line: rounds that a strip is done with
    item_turns: Array  # (8 K,) int64
    claims: Array  # (S²,) int64, 1 for a turn that a worker has taken


class Shared(NamedTuple):
    """What objectives are told whose negatives a block of positives shares."""

    temperature: Float  # float32, what softmax divides scores by
    margin: Float  # float32, of ccl: negatives score below it
    weight: Float  # float32, of ccl: what the mean over negatives weighs
    shifts: Array  # (I,) float32, −ln of how likely an item is drawn beside its strip; or length 0


class PassArguments(NamedTuple):
    """All that a pass needs but its tiles' order.

    `seen` and `proposal` are for sampled objectives. The order is of turns of the grid, or of tiles
    where there is none.
    """

    key: Int  # uint64, a hash of seed and epoch
    objective: Int  # BPR, BPR_SQUARED or WARP for pairwise_pass, SOFTMAX or CCL for shared_pass
    negatives: Int  # draws for a positive, or for a block of them; for warp the most draws
    hardest_of: Int  # draws that a negative is the hardest of; bpr, bpr-squared, warp
    ahead: Int  # ratings to look ahead when asking for rows (mse); 0 where they are cached anyway
    waits: Int  # 1 where a turn waits for the strips that it holds
    fixed: Int  # 1 where only users are learnt, as in folding in; sampled objectives only
    tiles: Tiles
    grid: Grid
    seen: SeenFilter
    proposal: Proposal
    weights: Weights
    rates: Rates
    shared: Shared


class PassScratch(NamedTuple):
    """Memory of one thread for its passes, as `pass_scratch` makes it."""

    spots: Array  # (BATCH,) int64, where the positives of a batch are in their tile
    others: Array  # (BATCH,) int64, their negatives
    rivals: Array  # (BATCH,) int64, draws that one of them is the hardest of
    slopes: Array  # (F,) float32, gathered over a user's ratings by svdpp


class SharedScratch(NamedTuple):
    """Memory of one thread for blocks of B positives with M shared negatives (`shared_scratch`).

    Rows are padded: widths are of whole vectors, and what is beyond is zero.
    """

    spots: Array  # (B,) int64, where the positives are in their tile
    picked: Array  # (M,) int64, the negatives
    shifts: Array  # (M,) float32, added to the negatives' scores
    slopes: Array  # (B,) float32, of the positives' scores
    users: Array  # (B, F) float32
    users_across: Array  # (F, B)
    others: Array  # (M, F), the negatives' vectors
    others_across: Array  # (F, M)
    scores: Array  # (B, M), then their slopes
    scores_across: Array  # (M, B)
    user_slopes: Array  # (B, F)
    other_slopes: Array  # (M, F)
