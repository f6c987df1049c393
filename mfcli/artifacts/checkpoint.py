"""``model.pt``, which recommends and evaluates with nothing else, and ``model.pt.resume``.

Both hold arrays and plain Python values only; ``torch.load(weights_only=True)`` reads them, and
finds tensors.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.documents import check_document
from mfcli.artifacts.files import atomic_file, open_input
from mfcli.artifacts.manifest import Facts
from mfcli.artifacts.meta import FIRST, check_meta, is_plain, lineage_of
from mfcli.artifacts.tensors import ZIP_MAGIC, read_archive, write_archive
from mfcli.config.model_args import ModelArgs
from mfcli.data.ids import MAX_ID_LENGTH
from mfcli.data.interactions import Catalog, Ids, Indices, csr_problem
from mfcli.data.rows import CsrRows
from mfcli.errors import InputError, is_out_of_memory


@dataclass(frozen=True, eq=False, kw_only=True)
class Checkpoint:
    """A trained model and all that later stages need of its training.

    options:      the resolved options of train, plain values.
    model_args:   what rebuilds the model, together with the weights.
    weights:      name of a weight → array.
    catalog:      ids and names of the rows and columns.
    seen_indptr, seen_indices: what each user has in train, CSR.
    rating_range: smallest and largest rating in train; rating_mean: their mean.
    history:      one plain dict an epoch, without timings.
    train_counts: (I,) ratings of each item in train where ``seen`` holds more than train did, as
                  users were folded in; None where it does not.
    """

    options: dict[str, Any]
    model_args: ModelArgs
    weights: dict[str, NDArray[np.float32]]
    catalog: Catalog
    seen_indptr: Indices
    seen_indices: Indices
    rating_range: tuple[float, float]
    rating_mean: float
    history: list[dict[str, Any]]
    meta: dict[str, Any]
    train_counts: NDArray[np.int64] | None = None

    @property
    def n_users(self) -> int:
        """Number of rows of the training matrix."""
        return len(self.catalog.user_ids)

    @property
    def n_items(self) -> int:
        """Number of columns of the training matrix."""
        return len(self.catalog.item_ids)

    @property
    def seen(self) -> CsrRows:
        """Return what each user has in train, on the same memory."""
        return CsrRows(self.seen_indptr, self.seen_indices)

    @property
    def predicts_ratings(self) -> bool:
        """Whether the model's scores are ratings."""
        return bool(self.options.get("objective") == "mse")

    @property
    def rank_shrinkage(self) -> float:
        """How far lists shrink predictions: κ of ``ranking.shrinkage``; 0 of files without it."""
        given: float = self.options.get("rank_shrinkage", 0.0)
        return given

    @property
    def item_counts(self) -> NDArray[np.int64]:
        """Return the number of interactions in train of each item, (I,)."""
        if self.train_counts is not None:
            return self.train_counts
        return self.seen.item_counts(self.n_items)

    @property
    def user_counts(self) -> NDArray[np.int64]:
        """Return the number of interactions in train of each user, (U,)."""
        return np.diff(self.seen_indptr).astype(np.int64)


def save_checkpoint(path: Path, checkpoint: Checkpoint, *, manifest: bool = False) -> None:
    """Write a checkpoint whole or not at all; the same content gives the same bytes.

    manifest: with ``path``.manifest.json beside it.
    """
    counts = {
        "users": checkpoint.n_users,
        "items": checkpoint.n_items,
        "rows": len(checkpoint.seen_indices),
    }
    facts = Facts("model", counts, lineage_of(checkpoint.meta))
    with atomic_file(path, facts.describe if manifest else None) as stream:
        write_checkpoint(stream, checkpoint)


def write_checkpoint(stream: IO[bytes], checkpoint: Checkpoint) -> None:
    """Write ``model.pt`` to a stream."""
    catalog = checkpoint.catalog
    document = {
        "meta": checkpoint.meta,
        "options": checkpoint.options,
        "model_args": checkpoint.model_args.plain(),
        "weights": checkpoint.weights,
        "user_ids": _pack(catalog.user_ids),
        "item_ids": _pack(catalog.item_ids),
        "item_names": None if catalog.item_names is None else _pack(catalog.item_names),
        "seen_indptr": checkpoint.seen_indptr,
        "seen_indices": checkpoint.seen_indices,
        "rating_range": list(checkpoint.rating_range),
        "rating_mean": checkpoint.rating_mean,
        "history": checkpoint.history,
    }
    if checkpoint.train_counts is not None:
        document["train_counts"] = checkpoint.train_counts
    write_archive(stream, document)


def load_checkpoint(path: Path, *, mapped: bool = False) -> Checkpoint:
    """Read and validate a checkpoint; raises InputError for anything that is not one, whole.

    ``mapped`` leaves the weights in the file, and in memory that processes share.
    """
    document = _load(path, "model", "train one with mfcli train", mapped)
    try:
        names = document["item_names"]
        catalog = Catalog(
            _unpack(document["user_ids"]),
            _unpack(document["item_ids"]),
            None if names is None else _unpack(names),
        )
        checkpoint = Checkpoint(
            options=document["options"],
            model_args=_model_args(document, catalog),
            weights=document["weights"],
            catalog=catalog,
            seen_indptr=_array(document["seen_indptr"]),
            seen_indices=_array(document["seen_indices"]),
            rating_range=(float(document["rating_range"][0]), float(document["rating_range"][1])),
            rating_mean=float(document["rating_mean"]),
            history=list(document["history"]),
            meta=document["meta"],
            train_counts=_train_counts(document),
        )
        _check(checkpoint)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, InputError) as error:
        raise InputError(f"{path}: is damaged ({error}): train it anew") from None
    return checkpoint


def _model_args(document: dict[str, Any], catalog: Catalog) -> ModelArgs:
    """Return what rebuilds the model; a file of schema 1 says it in the options of train."""
    options = document["options"]
    if not isinstance(options, dict) or not is_plain(options):
        raise TypeError("its options are not a table of plain values")
    sizes = (len(catalog.user_ids), len(catalog.item_ids))
    if document["meta"]["schema"] == FIRST:
        return ModelArgs.from_options(options, *sizes)
    args = document["model_args"]
    if not isinstance(args, dict) or not is_plain(args):
        raise TypeError("its model_args are not a table of plain values")
    found = ModelArgs.from_plain(args)
    if (found.n_users, found.n_items) != sizes:
        raise ValueError(
            f"model_args are of {found.n_users} × {found.n_items} rows, the ids of "
            f"{sizes[0]} × {sizes[1]}"
        )
    return found


def _array(value: Any) -> NDArray[Any]:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{str(value)[:40]!r} stands where an array should")
    return value


def _train_counts(document: dict[str, Any]) -> NDArray[np.int64] | None:
    return _array(document["train_counts"]) if "train_counts" in document else None


def _check(checkpoint: Checkpoint) -> None:
    problem = csr_problem(
        checkpoint.seen_indptr, checkpoint.seen_indices, checkpoint.n_users, checkpoint.n_items
    )
    if problem:
        raise ValueError(f"the seen items: {problem}")
    if not all(isinstance(epoch, dict) and is_plain(epoch) for epoch in checkpoint.history):
        raise TypeError("its history is not a list of epochs")
    _check_weights(checkpoint.weights)
    counts, shrinkage = checkpoint.train_counts, checkpoint.rank_shrinkage
    if counts is not None and (
        counts.dtype != np.int64 or counts.shape != (checkpoint.n_items,) or (counts < 0).any()
    ):
        raise ValueError("the numbers of its items' ratings are not one an item")
    if not isinstance(shrinkage, float | int) or not 0 <= shrinkage < math.inf:
        raise ValueError(f"rank_shrinkage {shrinkage!r} is not a number of ratings")
    low, high = checkpoint.rating_range
    if not (
        math.isfinite(low) and low <= high < math.inf and math.isfinite(checkpoint.rating_mean)
    ):
        raise ValueError("the range of its ratings is not a range of finite numbers")


def _check_weights(weights: dict[str, NDArray[np.float32]]) -> None:
    for name, weight in weights.items():
        if not isinstance(name, str) or not isinstance(weight, np.ndarray):
            raise TypeError(f"weight {name} is not an array")
        if weight.dtype != np.float32:
            raise TypeError(f"weight {name} is not float32")
        if not np.isfinite((weight.min(initial=0.0), weight.max(initial=0.0))).all():
            raise ValueError(f"weight {name} is not finite")


def save_resume(path: Path, state: dict[str, Any]) -> None:
    """Write the state of a training run; ``state`` has a ``meta`` of kind resume."""
    with atomic_file(path) as stream:
        write_archive(stream, state)


def load_resume(path: Path) -> dict[str, Any]:
    """Read the state of a training run back; raises InputError."""
    return _load(path, "resume", "start without --resume")


def load_any(path: Path) -> dict[str, Any]:
    """Return the document of a checkpoint, validated, or of a resume file; raises InputError."""
    document = _load(path, None, "train one with mfcli train")
    if document["meta"]["kind"] == "model":
        load_checkpoint(path)
    return document


def load_options(path: Path) -> dict[str, Any]:
    """Return the options of train in a checkpoint or a resume file; its weights stay on disk.

    Those of an interrupted run are the ones that were given: the others follow again from them and
    the data.
    """
    document = _load(path, None, "train one with mfcli train", mapped=True)
    options, meta = document.get("options"), document["meta"]
    if not isinstance(options, dict):
        raise InputError(f"{path}: is damaged: it holds no options")
    given = meta.get("given", options.keys()) if meta["kind"] == "resume" else options.keys()
    return {name: value for name, value in options.items() if name in given}


def load_meta(path: Path) -> dict[str, Any]:
    """Return the meta of a checkpoint or a resume file; its weights stay on disk."""
    meta = _load(path, None, "train one with mfcli train", mapped=True)["meta"]
    return dict(meta)


def load_weights(path: Path) -> tuple[dict[str, NDArray[np.float32]], Catalog | None]:
    """Return the weights and the catalogue of a checkpoint, or the weights of a resume file."""
    document = _load(path, None, "train one with mfcli train")
    if document["meta"]["kind"] == "resume":
        try:
            weights = dict(document["state"]["weights"])
            _check_weights(weights)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: is damaged: it holds no weights ({error})") from None
        return weights, None
    checkpoint = load_checkpoint(path)
    return checkpoint.weights, checkpoint.catalog


def _load(path: Path, kind: str | None, mend: str, mapped: bool = False) -> dict[str, Any]:
    with open_input(path) as stream:
        if stream.read(4) != ZIP_MAGIC:
            raise InputError(f"{path}: is not a checkpoint of mfcli: {mend}")
        try:
            document, size = read_archive(stream, mapped=mapped)
            check_document(document, size)
        except Exception as error:  # whatever is raised by bytes that are not as they should be
            if is_out_of_memory(error):
                raise
            reason = str(error).partition("\n")[0][:120]
            raise InputError(f"{path}: is damaged or not a checkpoint ({reason}): {mend}") from None
    if not isinstance(document, dict) or "meta" not in document:
        raise InputError(f"{path}: is not a checkpoint of mfcli: {mend}")
    found = check_meta(document["meta"], str(path)).get("kind")
    if kind is not None and found != kind:
        raise InputError(f"{path}: holds {found}, not {kind}: {mend}")
    return document


def _pack(ids: Ids) -> dict[str, NDArray[Any]]:
    """Store int64 ids as they are, strings as a UTF-8 blob with offsets (fast at a million)."""
    if ids.dtype.kind == "i":
        return {"int64": ids.astype(np.int64)}
    encoded = [text.encode("utf-8") for text in ids.tolist()]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return {"utf8": np.frombuffer(b"".join(encoded), dtype=np.uint8), "offsets": offsets}


def _unpack(packed: dict[str, Any]) -> Ids:
    if "int64" in packed:
        return _array(packed["int64"])
    ends, blob = _array(packed["offsets"]), _array(packed["utf8"]).tobytes()
    lengths = np.diff(ends)
    if ends.dtype != np.int64 or ends[0] != 0 or ends[-1] != len(blob) or (lengths < 0).any():
        raise ValueError("the offsets of its texts are wrong")
    if (lengths > 4 * MAX_ID_LENGTH).any():  # an array is as wide as its longest text
        raise ValueError("a text in it is too long")
    offsets = ends.tolist()
    strings = [blob[start:end].decode("utf-8") for start, end in itertools.pairwise(offsets)]
    return np.array(strings, dtype=np.str_)
