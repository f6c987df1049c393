"""The torch models by their kind, for the engine that follows gradients.

A new one is a class of ``FactorModel`` and one entry of ``MODELS``, beside its own in
``tables.KINDS``.
"""

from __future__ import annotations

from mfcli.config import ModelKind
from mfcli.models.base import FactorModel
from mfcli.models.dot import MF, BiasedMF
from mfcli.models.neural import NeuralMF
from mfcli.models.tables import Tables

MODELS: dict[ModelKind, type[FactorModel]] = {
    ModelKind.mf: MF,
    ModelKind.biased_mf: BiasedMF,
    ModelKind.neural: NeuralMF,
}


def module_of(tables: Tables) -> FactorModel:
    """Return the torch model of tables, on their memory."""
    return MODELS[tables.args.model](tables)
