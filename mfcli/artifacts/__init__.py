"""Every file that mfcli writes. ``checkpoint`` imports torch, so it is not imported here."""

from mfcli.artifacts.files import (
    atomic_file,
    atomic_path,
    file_sha256,
    flush,
    keep_as_previous,
    open_input,
    output_lock,
    previous_of,
    real_output,
    refuse_input_as_output,
    seconds_old,
    uninterrupted,
)
from mfcli.artifacts.matrix import (
    load_interactions,
    matrix_headers,
    save_interactions,
    stored_bytes,
)
from mfcli.artifacts.meta import lineage_entry, lineage_of, meta_for

__all__ = [
    "atomic_file",
    "atomic_path",
    "file_sha256",
    "flush",
    "keep_as_previous",
    "lineage_entry",
    "lineage_of",
    "load_interactions",
    "matrix_headers",
    "meta_for",
    "open_input",
    "output_lock",
    "previous_of",
    "real_output",
    "refuse_input_as_output",
    "save_interactions",
    "seconds_old",
    "stored_bytes",
    "uninterrupted",
]
