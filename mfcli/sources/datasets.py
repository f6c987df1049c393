"""The data sets that can be fetched by name.

A new data set is one entry of ``DATASETS``; readers/layouts.py says which of its files are read.
"""

from __future__ import annotations

from dataclasses import dataclass

BASE_URL = "https://files.grouplens.org/datasets/movielens/"

# MovieLens' terms, in short; each zip holds them in full in its README.
_TERMS = (
    "Licence: MovieLens data are for research and other non-commercial use; do not redistribute "
    "them without permission, nor suggest an endorsement by the University of Minnesota or "
    "GroupLens (see the README in the archive, https://grouplens.org/datasets/movielens/)."
)
_PAPER = (
    "Citation: F. Maxwell Harper and Joseph A. Konstan (2015), The MovieLens Datasets: History "
    "and Context, ACM Transactions on Interactive Intelligent Systems 5(4), article 19, "
    "https://doi.org/10.1145/2827872."
)


@dataclass(frozen=True)
class Dataset:
    """One file to download: its size in bytes and its checksums, as far as they are known.

    ``changes`` marks a file that is published anew from time to time: another checksum is worth
    a warning, not an error.
    """

    name: str
    file: str
    size: int
    sha256: str | None = None
    md5: str | None = None
    changes: bool = False
    notice: str = f"{_TERMS} {_PAPER}"


DATASETS = {
    each.name: each
    for each in (
        Dataset(
            "ml-100k",
            "ml-100k.zip",
            4_924_029,
            "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
            "0e33842e24a9c977be4e0107933c0723",
        ),
        Dataset(
            "ml-1m",
            "ml-1m.zip",
            5_917_549,
            "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
            "c4d9eecfca2ab87c1945afe126590906",
        ),
        Dataset(
            "ml-10m",
            "ml-10m.zip",
            65_566_137,
            "813c411ccb6122564edfe752e7f80c4dcc5aa25fa94c93622f6877a7ba252862",
            "ce571fd55effeba0271552578f2648bd",
        ),
        Dataset(
            "ml-20m",
            "ml-20m.zip",
            198_702_078,
            "96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
            "cd245b17a1ae2cc31bb14903e1204af3",
        ),
        Dataset(
            "ml-25m",
            "ml-25m.zip",
            261_978_986,
            "8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
            "6b51fb2759a8657d3bfcbfc42b592ada",
        ),
        Dataset("ml-32m", "ml-32m.zip", 238_950_008, md5="d472be332d4daa821edc399621853b57"),
        Dataset(
            "ml-latest-small",
            "ml-latest-small.zip",
            978_202,
            "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
            changes=True,
        ),
    )
}


def dataset_url(dataset: Dataset, base_url: str | None) -> str:
    """Return where a data set is downloaded from; ``base_url`` is a mirror."""
    base = base_url or BASE_URL
    return base + ("" if base.endswith("/") else "/") + dataset.file
