"""Models and held-out rows → metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Unpack

from mfcli.api.configuring import configured
from mfcli.api.listening import listening
from mfcli.api.model import Model
from mfcli.api.options import EvaluateOptions
from mfcli.api.reading import read
from mfcli.artifacts.meta import are_rated
from mfcli.config import EvaluateConfig
from mfcli.data.interactions import Interactions
from mfcli.errors import UsageError
from mfcli.evaluation.comparison import check_gates
from mfcli.evaluation.evaluate import Evaluation, NamedModel
from mfcli.evaluation.evaluate import evaluate as evaluate_models
from mfcli.evaluation.later import ChosenRows, choose_rows
from mfcli.events import OnEvent
from mfcli.kernels.announcing import compiling
from mfcli.models.loading import scoring_of
from mfcli.scoring.newcomers import History, fold_newcomers, history_for


def evaluate(
    model: Model | Mapping[str, Model],
    test: Interactions,
    *,
    history: Any = None,
    progress: bool = False,
    **options: Unpack[EvaluateOptions],
) -> Evaluation:
    """Measure a model, or several by name, on held-out rows of the same split.

    history: what is known of the users of ``test``, who are folded in from it: the part of
    ``split(data, strategy="users")``, or anything ``read`` takes.

    The options are those of ``mfcli evaluate`` under the same names: k, metric, include_seen,
    sampled, … The result holds ``metrics`` (of the first model), ``intervals``, ``differences``
    (of the others to the first, paired by user) and ``tables()``, all that metrics.json holds.

    >>> mfcli.evaluate(model, test, k=[5, 10]).metrics["ndcg@10"]

    What is no part of a split is later data: its ids are matched by value, and rows that are in a
    model's train are left out, and counted.

    Raises InputError for a test set without a row that is left, or without a common user or item;
    UsageError for a metric that the model does not have; GateError where ``fail_under`` or
    ``beat`` is not met.
    """
    for name in ("per_user", "candidates"):
        if name in options:
            raise UsageError(f"{name} names a file: give it to the command mfcli evaluate")
    config = configured(EvaluateConfig, options)
    models = {"model": model} if isinstance(model, Model) else dict(model)
    with listening(progress, config.ignore) as on_event:
        checkpoints = ((name, it.checkpoint) for name, it in models.items())
        chosen = choose_rows(
            test, checkpoints, config, folded=history is not None, on_event=on_event
        )
    known = None
    if history is not None:
        rows = history if isinstance(history, Interactions) else read(history)
        rated = are_rated(rows.meta)
        known = history_for(
            rows, chosen.rows, name="the history", test_name="the test set", rated=rated
        )
    with listening(progress, config.ignore) as on_event, compiling(on_event):
        named = _named(models, known, chosen, config, on_event)
        found = evaluate_models(named, chosen, config, on_event=on_event)
    check_gates(found.subjects, found.differences, config)
    return found


def _named(
    models: Mapping[str, Model],
    history: History | None,
    chosen: ChosenRows,
    config: EvaluateConfig,
    on_event: OnEvent,
) -> Iterator[NamedModel]:
    for name, model in models.items():
        checkpoint, beside = chosen.beside(model.checkpoint, name)
        folded = None
        if history is not None:
            checkpoint, folded = fold_newcomers(
                checkpoint, history, chosen.rows, config, on_event=on_event
            )
        yield NamedModel(
            name=name,
            checkpoint=checkpoint,
            scores=scoring_of(checkpoint),
            folded=folded,
            beside=beside,
        )
