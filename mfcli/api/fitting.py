"""Interactions → a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from mfcli.api.configuring import configured
from mfcli.api.dataset import Dataset
from mfcli.api.listening import listening
from mfcli.api.model import Model
from mfcli.api.options import TrainOptions
from mfcli.config import TrainConfig
from mfcli.data.held_out import check_held_out, check_history, check_known
from mfcli.data.interactions import Interactions
from mfcli.errors import UsageError
from mfcli.kernels.announcing import compiling
from mfcli.models.warm_start import Start
from mfcli.training.continuing import continued
from mfcli.training.engines.devices import torch_threads
from mfcli.training.fit import fit as fit_recipe
from mfcli.tuning.settings import with_evidence


def fit(
    data: Interactions,
    *,
    valid: Interactions | None = None,
    valid_history: Interactions | None = None,
    init_from: Model | str | Path | None = None,
    progress: bool = False,
    **options: Unpack[TrainOptions],
) -> Model:
    """Train a factor model on interactions.

    data:      what ``read`` or ``split`` returned; an explicit zero is a rating.
    valid:     held-out rows over the same users and items, for ``metric``, ``patience`` and
               ``budget``.
    valid_history: what is known of the users of ``valid``, who are folded in from it.
    init_from: a model, or the path of one, whose weights training goes on from; users and items
               are matched by their ids, and its options are the defaults.
    progress:  show live progress, notes and warnings; else warnings come as MfcliWarning.
    options:   those of ``mfcli train`` under the same names: mode, factors, epochs, seed, …; and
               ``ignore``, codes of warnings not to give (``["W-positives"]``).

    The same data, options and seed give the same model; ``model.save`` writes the bytes of ``mfcli
    train`` on the file of ``data.save``.

    >>> model = mfcli.fit(train, mode="hogwild", factors=8, epochs=3)

    Raises UsageError for options that cannot work, InputError for data that cannot be trained on,
    DivergedError where a loss or a weight is not finite any more.
    """
    given: dict[str, Any] = dict(options)
    if "init_from_if_any" in given:
        raise UsageError("init_from_if_any is for commands: give init_from where there is a model")
    if valid is not None:
        given["valid"] = "valid"  # what messages call it
    if valid_history is not None:
        given["valid_history"] = "valid_history"
    config = configured(TrainConfig, given)
    inputs = [{"role": "train", "sha256": Dataset.of(data).sha256}]
    if valid is not None:
        check_held_out(valid, "valid", data.meta, data.catalog, data.rows, "the data")
        inputs.append({"role": "valid", "sha256": Dataset.of(valid).sha256})
        if valid_history is None:
            check_known(valid, "valid", data, "the data")
        else:
            check_history(valid_history, "valid_history", valid, "valid")
            inputs.append({"role": "valid_history", "sha256": Dataset.of(valid_history).sha256})
    start = None
    if init_from is not None:
        if config.budget is not None:
            raise UsageError(
                "init_from cannot be combined with budget: a search trains from nothing"
            )
        before = init_from if isinstance(init_from, Model) else Model.load(init_from)
        name = "init_from" if isinstance(init_from, Model) else str(init_from)
        start = Start(before.checkpoint.weights, before.checkpoint.catalog, name)
        config = continued(config, before.checkpoint.options, name)
        inputs.append({"role": "init_from", "sha256": before.sha256})
    config.ready()
    with listening(progress, config.ignore) as on_event, compiling(on_event):
        if config.budget is not None:
            from mfcli.tuning.choosing import choose_in_time  # the search, which few need

            config = choose_in_time(
                data, valid, config, history=valid_history, on_event=on_event
            ).config
            valid, valid_history, inputs = None, None, inputs[:1]
        recipe = config.recipe()
        with torch_threads(recipe):
            fitted = fit_recipe(
                data,
                recipe,
                valid=valid,
                valid_history=valid_history,
                init=start,
                on_event=on_event,
                inputs=inputs,
            )
        cut = fitted.stopped == "time limit"
        return Model(with_evidence(fitted.checkpoint, recipe, config.evidence, on_event, cut=cut))
