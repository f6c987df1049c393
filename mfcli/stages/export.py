"""``mfcli export``: model.pt → factors, biases and ids as Parquet, for a store or an ANN index."""

from __future__ import annotations

import time
from pathlib import Path

from mfcli.artifacts import file_sha256, output_lock
from mfcli.artifacts.folders import real_folder
from mfcli.events import OnEvent, Stage, Started, ignore
from mfcli.models.loading import load_model, vectors_of
from mfcli.publishing.arrays import publish_arrays
from mfcli.ranking.shrinkage import ranked_vectors
from mfcli.results import ExportResult
from mfcli.stages.telling import begin, end


def export(
    model: Path, out: Path, on_event: OnEvent = ignore, *, wait: float = 0.0
) -> ExportResult:
    """Write items.parquet, users.parquet and meta.json to a folder, whole or not at all.

    wait: seconds to wait for another run that holds the output.

    They give the scores of recommend's lists: those of a rating model are shrunk. Raises UsageError
    for a model whose score is not a product of vectors, InputError, LockedError.
    """
    began = begin(Stage.export, on_event)
    real_folder(out)  # refuse what is not to be replaced before a lock file is made
    with output_lock(out, wait):
        checkpoint, scoring = load_model(model)
        vectors = ranked_vectors(
            vectors_of(checkpoint, scoring, model, "export"),
            checkpoint.item_counts,
            checkpoint.rank_shrinkage,
        )
        on_event(Started("export", 2, "files"))
        publish_arrays(out, checkpoint, vectors, file_sha256(model), on_event)
    result = ExportResult(
        out=str(out),
        model=str(checkpoint.model_args.model),
        n_users=vectors.shape[0],
        n_items=vectors.shape[1],
        factors=vectors.users.shape[1],
        seconds=time.perf_counter() - began,
    )
    return end(Stage.export, began, result, on_event)
