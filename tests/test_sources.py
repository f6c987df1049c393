"""The table of named data sets."""

from __future__ import annotations

import pytest

from mfcli.sources.datasets import DATASETS, Dataset, dataset_url

NAMES = ["ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small"]


def test_the_movielens_sets_are_known() -> None:
    assert list(DATASETS) == NAMES


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=NAMES)
class TestEveryDataset:
    def test_has_a_checksum_and_a_size(self, dataset: Dataset) -> None:
        assert dataset.size is not None
        assert dataset.size > 0
        assert dataset.sha256 or dataset.md5
        for digest, length in ((dataset.sha256, 64), (dataset.md5, 32)):
            assert digest is None or (len(digest) == length and int(digest, 16))

    def test_comes_over_https(self, dataset: Dataset) -> None:
        url = dataset_url(dataset, None)
        assert url == f"https://files.grouplens.org/datasets/movielens/{dataset.name}.zip"
        assert url.startswith("https://")

    @pytest.mark.parametrize("base", ["https://mirror.example/ml", "https://mirror.example/ml/"])
    def test_comes_from_a_mirror_where_one_is_given(self, dataset: Dataset, base: str) -> None:
        assert dataset_url(dataset, base) == f"https://mirror.example/ml/{dataset.file}"

    def test_says_its_terms_and_what_to_cite(self, dataset: Dataset) -> None:
        assert "non-commercial" in dataset.notice
        assert "10.1145/2827872" in dataset.notice


def test_only_the_set_that_is_published_anew_may_change() -> None:
    assert [dataset.name for dataset in DATASETS.values() if dataset.changes] == ["ml-latest-small"]
