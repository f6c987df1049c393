"""The data sets that can be fetched by name: any URL, any licence.

A new data set is one entry of ``DATASETS``. Where its files have no usual names
(readers/layouts.py), or its table no header, the entry says so.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mfcli.config.fetch import FetchConfig, Format

if TYPE_CHECKING:  # completion, which lists the names, does without NumPy
    from mfcli.sources.readers.layouts import Layout

_MOVIELENS = "https://files.grouplens.org/datasets/movielens/"
# MovieLens' terms, in short; each zip holds them in full in its README.
_MOVIELENS_NOTICE = (
    "Licence: MovieLens data are for research and other non-commercial use; do not redistribute "
    "them without permission, nor suggest an endorsement by the University of Minnesota or "
    "GroupLens (see the README in the archive, https://grouplens.org/datasets/movielens/). "
    "Citation: F. Maxwell Harper and Joseph A. Konstan (2015), The MovieLens Datasets: History "
    "and Context, ACM Transactions on Interactive Intelligent Systems 5(4), article 19, "
    "https://doi.org/10.1145/2827872."
)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One file to download, and what is known of it.

    url:     http(s); --base-url is a mirror that holds a file of the same name.
    notice:  its licence and what to cite, shown after each fetch.
    size:    bytes; sha256, md5: hex. None where they are not known.
    changes: the file is published anew from time to time: another checksum is worth a warning,
             not an error.
    layout:  the file of interactions, and of names, in the archive; None: the usual names.
    format, columns: as --format and --columns say, where the file does not show it.
    """

    name: str
    url: str
    notice: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    changes: bool = False
    layout: Layout | None = None
    format: Format | None = None
    columns: str | None = None

    @property
    def file(self) -> str:
        """The name of the file that is downloaded."""
        return unquote(posixpath.basename(urlsplit(self.url).path))

    def complete(self, config: FetchConfig) -> FetchConfig:
        """Return the options with the format and columns of this data set, unless they are set."""
        return replace(
            config,
            format=config.format or self.format,
            columns=config.columns or self.columns,
        )


def _movielens(
    name: str,
    size: int,
    sha256: str | None = None,
    md5: str | None = None,
    changes: bool = False,
) -> Dataset:
    return Dataset(
        name=name,
        url=f"{_MOVIELENS}{name}.zip",
        notice=_MOVIELENS_NOTICE,
        size=size,
        sha256=sha256,
        md5=md5,
        changes=changes,
    )


DATASETS = {
    dataset.name: dataset
    for dataset in (
        _movielens(
            "ml-100k",
            4_924_029,
            "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
            "0e33842e24a9c977be4e0107933c0723",
        ),
        _movielens(
            "ml-1m",
            5_917_549,
            "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
            "c4d9eecfca2ab87c1945afe126590906",
        ),
        _movielens(
            "ml-10m",
            65_566_137,
            "813c411ccb6122564edfe752e7f80c4dcc5aa25fa94c93622f6877a7ba252862",
            "ce571fd55effeba0271552578f2648bd",
        ),
        _movielens(
            "ml-20m",
            198_702_078,
            "96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
            "cd245b17a1ae2cc31bb14903e1204af3",
        ),
        _movielens(
            "ml-25m",
            261_978_986,
            "8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
            "6b51fb2759a8657d3bfcbfc42b592ada",
        ),
        _movielens("ml-32m", 238_950_008, md5="d472be332d4daa821edc399621853b57"),
        _movielens(
            "ml-latest-small",
            978_202,
            "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
            changes=True,
        ),
    )
}


def dataset_url(dataset: Dataset, base_url: str | None) -> str:
    """Return where a data set is downloaded from; ``base_url`` is a mirror."""
    if base_url is None:
        return dataset.url
    return f"{base_url.removesuffix('/')}/{dataset.file}"
