"""Models and held-out rows → metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from mfcli.api.listening import listening
from mfcli.api.model import Model
from mfcli.api.options import EvaluateOptions
from mfcli.config import EvaluateConfig
from mfcli.data.interactions import Interactions
from mfcli.errors import UsageError
from mfcli.evaluation.comparison import check_gates
from mfcli.evaluation.evaluate import Evaluation, NamedModel
from mfcli.evaluation.evaluate import evaluate as evaluate_models
from mfcli.kernels.announcing import compiling
from mfcli.models.loading import scoring_of


def evaluate(
    model: Model | Mapping[str, Model],
    test: Interactions,
    *,
    progress: bool = False,
    **options: Unpack[EvaluateOptions],
) -> Evaluation:
    """Measure a model, or several by name, on held-out rows of the same split.

    The options are those of ``mfcli evaluate`` under the same names: k, metric, include_seen,
    sampled, … The result holds ``metrics`` (of the first model), ``intervals``, ``differences``
    (of the others to the first, paired by user) and ``tables()``, all that metrics.json holds.

    >>> mfcli.evaluate(model, test, k=[5, 10]).metrics["ndcg@10"]

    Raises InputError for a test set of other users and items, or that shares rows with train;
    UsageError for a metric that the model does not have; GateError where ``fail_under`` or
    ``beat`` is not met.
    """
    for name in ("per_user", "candidates"):
        if name in options:
            raise UsageError(f"{name} names a file: give it to the command mfcli evaluate")
    config = EvaluateConfig.merge(("", options))
    models = {"model": model} if isinstance(model, Model) else dict(model)
    named = (
        NamedModel(name=name, checkpoint=one.checkpoint, scores=scoring_of(one.checkpoint))
        for name, one in models.items()
    )
    with listening(progress, config.ignore) as on_event, compiling(on_event):
        found = evaluate_models(named, test, config, on_event=on_event)
    check_gates(found.subjects, found.differences, config)
    return found
