"""Compiled loops: best-k selection, AUC counts, and the SGD passes of the hogwild engine.

The only package that touches numba. Every kernel takes numpy arrays and plain scalars, releases
the GIL, and is compiled at its first use, then loaded from numba's on-disk cache, which
`compilation` keeps true to all files of this package.

    arrays        what kernels are handed
    compilation   compiled and cached; announcing: said while it happens
    als           least squares, a row at a time
    dense         small symmetric systems; lanes: eight of them at a time
    vectors       what LLVM does with 16 numbers at once
    memory        prefetching, and numbers shared between threads
    histories     sums over what users have, and pairs of items in it
    ranks         best k and AUC of blocks of users; heaps: of the k best
    slopes        losses and their derivatives
    turns         which tiles a thread goes through next
    tiles         the ratings' shuffled copy, and random bits
    negatives     items that a user has not seen
    sgd           the passes over ratings
    sgd_sampled   the passes over positives and sampled negatives
    sgd_shared    the pass over blocks of positives that share their negatives
    products      products of small matrices, and exponentials
"""

from mfcli.kernels.als import Scratch, Side, scratch_of, solve_rows
from mfcli.kernels.arrays import (
    Grid,
    PassArguments,
    PassScratch,
    Proposal,
    Rates,
    SeenFilter,
    Shared,
    SharedScratch,
    Tiles,
    Weights,
)
from mfcli.kernels.compilation import announced
from mfcli.kernels.histories import add_rows, count_pairs, sum_entries
from mfcli.kernels.negatives import draw_negative, fill_alias, fill_filter
from mfcli.kernels.ranks import rank_block, rank_common, topk_block
from mfcli.kernels.sgd import mse_pass, sum_histories, svdpp_pass
from mfcli.kernels.sgd_sampled import (
    BPR,
    BPR_SQUARED,
    WARP,
    logistic_pass,
    pairwise_pass,
    pass_scratch,
)
from mfcli.kernels.sgd_shared import CCL, SOFTMAX, shared_pass, shared_scratch
from mfcli.kernels.slopes import bpr, bpr_squared, logistic, mse, warp
from mfcli.kernels.tiles import fill_tiles

__all__ = [
    "BPR",
    "BPR_SQUARED",
    "CCL",
    "SOFTMAX",
    "WARP",
    "Grid",
    "PassArguments",
    "PassScratch",
    "Proposal",
    "Rates",
    "Scratch",
    "SeenFilter",
    "Shared",
    "SharedScratch",
    "Side",
    "Tiles",
    "Weights",
    "add_rows",
    "announced",
    "bpr",
    "bpr_squared",
    "count_pairs",
    "draw_negative",
    "fill_alias",
    "fill_filter",
    "fill_tiles",
    "logistic",
    "logistic_pass",
    "mse",
    "mse_pass",
    "pairwise_pass",
    "pass_scratch",
    "rank_block",
    "rank_common",
    "scratch_of",
    "shared_pass",
    "shared_scratch",
    "solve_rows",
    "sum_entries",
    "sum_histories",
    "svdpp_pass",
    "topk_block",
    "warp",
]
