"""Every file that mfcli writes.

files, folders  what appears whole or not at all, under a lock
matrix          the ``.npz`` of interactions
checkpoint      ``model.pt`` and ``model.pt.resume``
metrics         ``metrics.json``
held            what a process has in memory of the files that it wrote
splits          what the files of one split say of each other
manifest        what a file holds, and of what it was made, beside it
meta            schema number, kind and lineage of every artifact
tensors         torch's format of arrays and plain values, without torch
tables          CSV, Parquet and JSON lines
records         rows of histories and of trials
native          bytes that Arrow owns, so that its threads need nothing of Python's
zips, unpacking, array_headers, documents: what is checked before anything of a file is believed
"""

from mfcli.artifacts.files import (
    Describe,
    atomic_file,
    atomic_path,
    file_sha256,
    flush,
    keep_as_previous,
    manifest_of,
    move_file,
    open_input,
    output_lock,
    previous_of,
    real_output,
    refuse_input_as_output,
    remove_file,
    seconds_old,
    uninterrupted,
)
from mfcli.artifacts.matrix import (
    is_matrix,
    load_interactions,
    matrix_headers,
    save_interactions,
    stored_bytes,
)
from mfcli.artifacts.meta import lineage_entry, lineage_of, meta_for

__all__ = [
    "Describe",
    "atomic_file",
    "atomic_path",
    "file_sha256",
    "flush",
    "is_matrix",
    "keep_as_previous",
    "lineage_entry",
    "lineage_of",
    "load_interactions",
    "manifest_of",
    "matrix_headers",
    "meta_for",
    "move_file",
    "open_input",
    "output_lock",
    "previous_of",
    "real_output",
    "refuse_input_as_output",
    "remove_file",
    "save_interactions",
    "seconds_old",
    "stored_bytes",
    "uninterrupted",
]
