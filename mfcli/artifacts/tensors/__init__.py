"""Documents of arrays and plain values in torch's own format, read and written without torch.

``torch.load(path, weights_only=True)`` reads what is written here, tensors in place of arrays, and
what ``torch.save`` wrote is read here. Importing torch takes longer than most commands work.

archives  the zip: the document and the memory of each array as members, which can be mapped
pickles   the document itself, a pickle of few instructions
"""

from mfcli.artifacts.tensors.archives import ZIP_MAGIC, read_archive, write_archive

__all__ = ["ZIP_MAGIC", "read_archive", "write_archive"]
