"""Models for tests: drawn, not trained; in memory and on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mfcli.artifacts import meta_for
from mfcli.artifacts.checkpoint import Checkpoint, save_checkpoint
from mfcli.config import TrainConfig
from mfcli.data.interactions import Interactions
from mfcli.models.tables import Tables

_LEFT = ("global_mean", "user_implicit")  # of zero: no parameters


def write_model(path: Path, train: Interactions, seed: int = 0, **options: Any) -> Checkpoint:
    """Write a model as ``make_model`` draws it, and return it."""
    checkpoint = make_model(train, seed, **options)
    save_checkpoint(path, checkpoint)
    return checkpoint


def make_model(train: Interactions, seed: int = 0, **options: Any) -> Checkpoint:
    """Draw a model that has seen ``train``; its weights are few halves: sums are exact, ties many.

    Rows without a rating are as training leaves them.
    """
    random = np.random.default_rng(seed)
    recipe = TrainConfig(**{"factors": 2, **options}).recipe()
    args = recipe.model_args(train.n_users, train.n_items)
    model = Tables.zeros(args)
    for name, table in model.weights.items():
        if name not in _LEFT:
            table[...] = random.integers(-2, 3, table.shape) / 2
    model.settle_unknown(train.user_counts > 0, train.item_counts > 0)
    return Checkpoint(
        options=dict(recipe.options),
        model_args=args,
        weights=model.weights,
        catalog=train.catalog,
        seen_indptr=train.indptr,
        seen_indices=train.indices,
        rating_range=(0.0, 5.0),
        rating_mean=2.5,
        history=[],
        meta=meta_for("model", [{"stage": "test", "options": {}, "inputs": []}]),
    )


def all_scores(checkpoint: Checkpoint) -> np.ndarray:
    """Score everything by the formula, (U, I) float64; biased-mf."""
    weights = {name: weight.astype(np.float64) for name, weight in checkpoint.weights.items()}
    scores = weights["user_factors"] @ weights["item_factors"].T + weights["item_bias"].T
    return scores + weights["user_bias"] + weights["global_mean"]


def list_scores(checkpoint: Checkpoint) -> np.ndarray:
    """Return what lists of known users are ranked by, (U, I): shrunk pair by pair."""
    scores, counts = all_scores(checkpoint), checkpoint.item_counts
    shrinkage = checkpoint.options.get("rank_shrinkage", 0.0)
    if not shrinkage or not counts.sum():
        return scores
    mean = (scores @ counts / counts.sum())[:, None]
    return mean + counts / (counts + shrinkage) * (scores - mean)
