"""Which combinations of model, objective and engine work, and why another one does not."""

from __future__ import annotations

from collections.abc import Callable

from mfcli.config.choices import CLOSED_FORM, COSINE, Engine, ModelKind, Objective, Setting
from mfcli.config.ways import WAYS


def combinations() -> list[tuple[ModelKind, Objective | None, Engine]]:
    """Return all combinations that work."""
    return [
        (model, objective, engine)
        for (engine, objective), way in WAYS.items()
        for model in sorted(way.models)
    ]


# Why a combination does not work: the first rule that holds says it. The last five are for engines
# that minimise the objective, but not for this model.
_RULES: tuple[tuple[Callable[[Setting], bool], str], ...] = (
    (
        lambda asked: asked.model in CLOSED_FORM and asked.engine is not Engine.closed_form,
        "--model {model} is computed in closed form, not by --engine {engine}",
    ),
    (
        lambda asked: asked.model not in CLOSED_FORM and asked.engine is Engine.closed_form,
        "--engine closed-form computes ease, popularity and bias, not --model {model}",
    ),
    (
        lambda asked: asked.objective is Objective.ials and asked.engine is not Engine.als,
        "--objective ials weighs all pairs of users and items: it needs --engine als",
    ),
    (
        lambda asked: asked.engine is Engine.als and not _has_way(asked),
        "--engine als solves squares, mse and ials: it does not minimise {objective}",
    ),
    (
        lambda asked: asked.objective is Objective.warp and asked.engine is Engine.minibatch,
        "--objective warp draws until it finds a violation: it needs --engine hogwild",
    ),
    (
        lambda asked: not _has_way(asked),
        "--engine {engine} does not minimise --objective {objective}",
    ),
    (
        lambda asked: asked.model is ModelKind.svdpp,
        "--model svdpp learns ratings: it needs --objective mse and --engine hogwild",
    ),
    (
        lambda asked: asked.objective in COSINE,
        "--objective {objective} learns cosines, of vectors alone: it needs --model mf",
    ),
    (
        lambda asked: asked.model is ModelKind.neural,
        "--engine {engine} is for dot products: --model neural needs minibatch",
    ),
    (
        lambda asked: asked.objective is Objective.ials,
        "--objective ials has no biases: it needs --model mf",
    ),
    (lambda _: True, "--model {model} does not minimise --objective {objective}"),
)


def _has_way(asked: Setting) -> bool:
    return (asked.engine, asked.objective) in WAYS


def refusal(model: ModelKind, objective: Objective | None, engine: Engine) -> str | None:
    """Return why a combination cannot work, or None if it can."""
    asked = Setting(model, objective, engine)
    if _has_way(asked) and model in WAYS[engine, objective].models:
        return None
    message = next(message for holds, message in _RULES if holds(asked))
    return message.format(**asked._asdict())
