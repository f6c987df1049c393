"""What the user should know before a training: doubts about the data, and what does not repeat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mfcli.codes import WarningCode
from mfcli.config import Engine, ModelKind, Objective, Order, Recipe
from mfcli.config.choices import BASELINES
from mfcli.data.interactions import Interactions
from mfcli.data.scales import are_counts, are_equal
from mfcli.events import Noted, Warned
from mfcli.wording import counted

# What mends ratings that are taken as likes, by ndcg@10 of validation rows of at least 4 inside
# train, of ml-100k and of ml-latest-small. As they stand: hogwild 0.220 and 0.158, ials 0.218 and
# 0.190; with --threshold 4: 0.234 and 0.174, 0.249 and 0.203; weighed linearly: 0.237 and 0.175,
# 0.243 and 0.205; by logarithm a little less.
_GOOD = 0.75  # of the way up a scale, as 4 is from 1 to 5

# What to train on counts, by ndcg@10 on validation rows inside train of HetRec's last.fm plays.
# Whole, with 32 rows a user to train on: ials 0.180, hogwild 0.163 weighted by log and 0.157 not.
# Of a third of its rows, 11 a user: ials 0.055, hogwild 0.059 and 0.056. Confidence by log lowers
# ials on both, to 0.155 and 0.040; with its unobserved weight grown alike, to 0.175 and 0.051.
_MANY = 20.0  # rows a user
_FOR_MANY, _FOR_FEW = "--objective ials", "--mode hogwild --positive-weight log"


def notices(recipe: Recipe, matrix: Interactions, workers: int) -> Iterator[Noted | Warned]:
    """Yield what there is to say of a recipe on a matrix, trained by so many threads."""
    if recipe.engine is Engine.hogwild and workers > 1:
        if recipe.order is Order.free:
            yield Noted(
                f"{counted(workers, 'thread')} without locks: another run gives other lists; "
                "--order grid repeats exactly, at any number of workers"
            )
        elif recipe.model is ModelKind.svdpp:
            yield Noted(
                "svdpp repeats exactly on one thread: --order free uses "
                f"{workers}, and gives other lists in each run"
            )
    if recipe.model in BASELINES or are_equal(matrix.data):
        return
    if recipe.objective is Objective.mse:
        yield from _of_predicted(matrix)
    elif not {"positive_weight", "confidence"} & recipe.chosen:  # either is an answer
        yield from _of_positives(recipe, matrix)


def _of_predicted(matrix: Interactions) -> Iterator[Warned]:
    """Yield what there is to say of values that are to be predicted."""
    if are_counts(matrix.data):
        users = int(np.count_nonzero(matrix.user_counts))
        ways = [_FOR_MANY, _FOR_FEW]
        best, other = ways if matrix.n_ratings >= _MANY * users else reversed(ways)
        yield Warned(
            WarningCode.counts,
            f"the values look like counts ({matrix.data.min():g} to {matrix.data.max():g}, half of "
            f"them at most {np.median(matrix.data):g}), and --objective mse predicts them as if "
            f"they were ratings: {best} makes better lists of counts on so many rows a user, then "
            f"{other}",
        )


def _of_positives(recipe: Recipe, matrix: Interactions) -> Iterator[Noted | Warned]:
    """Yield what there is to say of values that differ, and are taken as likes all the same."""
    values = matrix.data
    if are_counts(values):
        if recipe.sampled:
            yield Noted(
                "the values look like counts, and each row weighs the same: --positive-weight log "
                "weighs them"
            )
        return
    lowest, highest = float(np.min(values)), float(np.max(values))
    good = values[values >= lowest + _GOOD * (highest - lowest)].min()
    answer = ""
    if recipe.objective is not None:
        weigh = "--positive-weight" if recipe.sampled else "--confidence"
        answer = f", or weigh them with {weigh} linear; {weigh} none says that all are likes"
    yield Warned(
        WarningCode.positives,
        f"{recipe.named} takes every row as a like, and the values differ "
        f"({lowest:g} to {highest:g}): split or fetch with --threshold X (such as {good:g}) to "
        f"keep the good ones{answer}",
    )
