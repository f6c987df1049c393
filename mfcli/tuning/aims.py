"""What ``--budget`` makes best, and the rows that it measures on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfcli.artifacts.meta import are_rated, lineage_of
from mfcli.config import Mode, ModelKind, Objective, SplitConfig, Strategy, TrainConfig
from mfcli.config.budget import RANKING_MODES
from mfcli.config.metrics import expand_metrics, is_rating_metric
from mfcli.data import splitting
from mfcli.data.interactions import Interactions
from mfcli.data.scales import are_counts, are_equal
from mfcli.errors import InputError
from mfcli.tuning.portfolio import Aim
from mfcli.wording import counted

_STREAM = 2  # of the seed, as tune's validation rows
_OF_A_USER, _OF_RATINGS = 0.2, 0.1  # the parts of the rows that are held out
_MOST_RATINGS = 200_000  # rows that tell two rmse apart by a thousandth
# Measuring lists costs users × items × factors: it may take this part of the time, at so many
# multiplications a second, and no fewer users than this are measured.
_SHARE, _SPEED, _WIDTH, _FEWEST = 0.03, 1.5e10, 128, 2000

_RATES = frozenset({ModelKind.bias, ModelKind.svdpp})


class Target(NamedTuple):
    """What is made best: ``why`` says in words what decided it."""

    aim: Aim
    metric: str
    why: str


def target_of(config: TrainConfig, pinned: dict[str, Any], matrix: Interactions) -> Target:
    """Return what a search in a given time makes best; what is asked for goes before the data."""
    objective, model = pinned.get("objective"), pinned.get("model")
    squares = objective is Objective.mse or model in _RATES
    if config.metric:
        metric = expand_metrics(config.metric, config.k)[0]
        rates = squares or is_rating_metric(metric)
        return Target(Aim.ratings if rates else Aim.ranking, metric, "by --metric")
    ranking = Target(Aim.ranking, expand_metrics(["ndcg"], config.k)[0], "")
    ratings = Target(Aim.ratings, "rmse", "")
    if objective is not None or model in (*_RATES, ModelKind.popularity):
        return (ratings if squares else ranking)._replace(why="as the objective asks for")
    if config.mode in RANKING_MODES:
        return ranking._replace(why=f"by --mode {config.mode}")
    if config.mode is Mode.explicit:
        return ratings._replace(why="by --mode explicit")
    if why := _likes(matrix):
        return ranking._replace(why=f"{why}; --metric chooses another, rmse for ratings")
    return ratings._replace(
        why="as the values differ like ratings; --metric ndcg@10 or --mode implicit ranks"
    )


def _likes(matrix: Interactions) -> str:
    """Return why the values of a matrix are no ratings to predict, "" where they are."""
    if are_equal(matrix.data):
        return "as all values are the same"
    if are_counts(matrix.data):
        return "as the values look like counts"
    if not are_rated(matrix.meta):
        return "as the source has no ratings"
    steps = lineage_of(matrix.meta)
    if any(step.get("options", {}).get("threshold") is not None for step in steps):
        return "as rows below a threshold were left out, so that each one is a like"
    return ""


def hold_out_for(
    target: Target, whole: Interactions, seconds: float, seed: int
) -> tuple[Interactions, Interactions, str]:
    """Return rows to train on, rows to measure on, and how these were taken in words.

    Where lists of all users would take too much of the time, a sample of users is measured, and
    the others keep all of their rows. Raises InputError where there is nothing to hold out.
    """
    if target.aim is Aim.ratings and is_rating_metric(target.metric):
        part = min(_OF_RATINGS, _MOST_RATINGS / whole.n_ratings)
        mask, words = _fraction(whole, part, seed, per_user=False), f"{part:.2g} of the rows"
    else:
        mask = _fraction(whole, _OF_A_USER, seed, per_user=True)
        words = f"{_OF_A_USER:g} of each user's rows"
        measured = np.unique(whole.users[mask])
        most = int(_SHARE * seconds * _SPEED / (whole.n_items * _WIDTH))
        most = max(_FEWEST, most)
        if len(measured) > most:
            random = np.random.RandomState([seed, _STREAM, 1])
            sample = np.zeros(whole.n_users, np.bool_)
            sample[random.permutation(measured)[:most]] = True
            mask &= sample[whole.users]
            words = f"{_OF_A_USER:g} of the rows of {counted(most, 'user')}"
    if not mask.any():
        mask, words = _fraction(whole, _OF_RATINGS, seed, per_user=False), "0.1 of the rows"
    if not mask.any() or mask.all():
        raise InputError("too few rows to hold some out for validation: name a set with --valid")
    return whole.keep(~mask), whole.keep(mask), f"{words}, out of the matrix (seed {seed})"


def _fraction(
    whole: Interactions, part: float, seed: int, *, per_user: bool
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    how = SplitConfig(
        strategy=Strategy.fraction, seed=seed, per_user=per_user, n=None, test_fraction=part
    )
    mask: Any = splitting.held_out(whole, how, (seed, _STREAM))
    return mask
