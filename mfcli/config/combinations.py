"""Which combinations of model, objective and engine work, and why another one does not."""

from __future__ import annotations

from mfcli.config.choices import BASELINES, Engine, ModelKind, Objective
from mfcli.config.ways import WAYS


def combinations() -> list[tuple[ModelKind, Objective | None, Engine]]:
    """Return all combinations that work."""
    return [
        (model, objective, engine)
        for (engine, objective), way in WAYS.items()
        for model in sorted(way.models)
    ]


def refusal(model: ModelKind, objective: Objective | None, engine: Engine) -> str | None:
    """Return why a combination cannot work, or None if it can."""
    if (model in BASELINES) != (engine is Engine.closed_form):
        if model in BASELINES:
            return f"--model {model} is computed in closed form, not by --engine {engine}"
        return f"--engine closed-form computes popularity and bias, not --model {model}"
    if (engine, objective) not in WAYS:
        if objective is Objective.ials:
            return "--objective ials weighs all pairs of users and items: it needs --engine als"
        if engine is Engine.als:
            return f"--engine als solves squares, mse and ials: it does not minimise {objective}"
        if objective is Objective.warp and engine is not Engine.closed_form:
            return "--objective warp draws until it finds a violation: it needs --engine hogwild"
        return f"--engine {engine} does not minimise --objective {objective}"
    if model not in WAYS[engine, objective].models:
        return _model_refusal(model, objective, engine)
    return None


def _model_refusal(model: ModelKind, objective: Objective | None, engine: Engine) -> str:
    if model is ModelKind.svdpp:
        return "--model svdpp learns ratings: it needs --objective mse and --engine hogwild"
    if model is ModelKind.neural:
        return f"--engine {engine} is for dot products: --model neural needs minibatch"
    if objective is Objective.ials:
        return "--objective ials has no biases: it needs --model mf"
    return f"--model {model} does not minimise --objective {objective}"
