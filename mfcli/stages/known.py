"""Names that can be given: data sets and pages. Light, for completion."""

from __future__ import annotations


def data_sets() -> dict[str, str]:
    """Return the names that fetch knows, each with what that is."""
    from mfcli.sources.datasets import DATASETS

    return {"demo": "the built-in sample"} | dict.fromkeys(DATASETS, "a download")


def topics() -> dict[str, str]:
    """Return the pages of the documentation, each with its title."""
    from mfcli.stages.help import topics as pages

    return pages()
