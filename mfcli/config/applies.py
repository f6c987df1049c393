"""Which options mean something in which setting.

A new option that does not mean something everywhere is one entry of ``APPLIES``.
"""

from __future__ import annotations

from collections.abc import Callable

from mfcli.config.choices import CHOOSY, Engine, ModelKind, Objective, Setting

# Options that do not mean something everywhere: when they do, and how the reason begins.
APPLIES: dict[tuple[str, ...], tuple[Callable[[Setting], bool], str]] = {
    ("optimizer", "sparse", "batch_size", "reduction", "clip_norm", "dropout", "weight_decay"): (
        lambda s: s.engine is Engine.minibatch,
        "it belongs to --engine minibatch",
    ),
    ("bias_weight_decay",): (
        lambda s: s.engine is Engine.minibatch and s.biased,
        "it belongs to --engine minibatch and a model with biases",
    ),
    ("bias_regularization", "bias_init"): (
        lambda s: s.biased,
        "only biased-mf and svdpp learn biases",
    ),
    ("global_mean",): (
        lambda s: s.biased and s.objective is Objective.mse,
        "only mse on models with biases starts from a mean rating",
    ),
    ("negatives", "negative_power", "positive_weight"): (
        lambda s: s.sampled,
        "only objectives that sample negatives have it",
    ),
    ("hardest_of",): (
        lambda s: s.objective in CHOOSY and s.model is not ModelKind.neural,
        "only --objective bpr, bpr-squared and warp of --model mf and biased-mf have it",
    ),
    ("temperature",): (
        lambda s: s.objective is Objective.softmax,
        "only --objective softmax has it",
    ),
    ("margin", "negative_weight"): (
        lambda s: s.objective is Objective.ccl,
        "only --objective ccl has it",
    ),
    ("rating_unit",): (
        lambda s: s.objective is Objective.mse and s.engine is not Engine.closed_form,
        "only --objective mse learns ratings, step by step",
    ),
    ("rank_shrinkage",): (
        lambda s: s.objective is Objective.mse,
        "only models of --objective mse predict ratings to rank by",
    ),
    ("order",): (
        lambda s: s.engine is Engine.hogwild,
        "only --engine hogwild has orders",
    ),
    ("hidden", "item_factors"): (
        lambda s: s.model is ModelKind.neural,
        "only --model neural has it",
    ),
    ("damping",): (lambda s: s.model is ModelKind.bias, "only --model bias has it"),
    ("learning_rate", "schedule", "decay"): (
        lambda s: s.engine in (Engine.minibatch, Engine.hogwild),
        "nothing is learnt in steps",
    ),
    ("regularization",): (
        lambda s: s.engine is not Engine.closed_form or s.model is ModelKind.ease,
        "of what --engine closed-form computes, only ease has it",
    ),
    ("init", "epochs", "last_epoch", "factors", "init_from", "patience"): (
        lambda s: s.engine is not Engine.closed_form,
        "--engine closed-form takes no steps",
    ),
    ("regularization", "weight_decay", "dropout"): (
        lambda s: not s.cosine,
        "softmax and ccl learn cosines, of vectors whose length is 1",
    ),
    ("unobserved_weight", "confidence", "alpha"): (
        lambda s: s.objective is Objective.ials,
        "only --objective ials has it",
    ),
    ("regularization_exponent",): (
        lambda s: s.engine is Engine.als,
        "only --engine als has it",
    ),
}


def inapplicable(setting: Setting) -> dict[str, str]:
    """Map each option that means nothing in a setting to the reason."""
    found: dict[str, str] = {}
    for names, (applies, reason) in APPLIES.items():
        if not applies(setting):
            found = dict.fromkeys(names, reason) | found  # the first reason stands
    return found
