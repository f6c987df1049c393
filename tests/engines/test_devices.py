"""Which device and how many threads torch is given."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mfcli.config import Device, Engine, TrainConfig
from mfcli.errors import UsageError
from mfcli.training.engines.devices import choose_device, threads_for


@pytest.mark.parametrize("engine", [Engine.minibatch, Engine.als])
def test_a_device_that_is_not_there_is_refused(monkeypatch, engine):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device(Device.auto, engine) == "cpu"
    with pytest.raises(UsageError, match="no CUDA device"):
        choose_device(Device.cuda, engine)


@pytest.mark.parametrize("engine", [Engine.hogwild, Engine.closed_form])
def test_compiled_engines_stay_on_the_cpu(monkeypatch, engine):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(Device.auto, engine) == "cpu"
    model = {"model": "bias"} if engine is Engine.closed_form else {}
    with pytest.raises(UsageError, match=f"--device cuda has no meaning with --engine {engine}"):
        TrainConfig.merge(("", {"engine": engine, "device": "cuda"} | model)).resolved()


def test_small_steps_are_not_shared_among_threads():
    def threads(**options: Any) -> int:
        return threads_for(TrainConfig.merge(("", options)).recipe(), 8)

    assert threads() == 1
    assert threads(batch_size="65536") == threads(batch_size="full") == 8
    assert threads(workers=3) == 3
