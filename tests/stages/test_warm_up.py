"""mfcli warm-up: all kernels are compiled and kept, and what there is can be listed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest

from mfcli.kernels import compilation
from mfcli.stages.warm_up import GROUPS

MFCLI = [sys.executable, "-m", "mfcli"]


def test_the_groups_name_every_kernel_once() -> None:
    named = [kernel for group in GROUPS.values() for kernel in group.kernels]
    assert sorted(named) == sorted(compilation.kept())


def test_a_second_warm_up_compiles_nothing(cli: Callable[..., Any]) -> None:
    assert cli("warm-up").exit_code == 0
    again = json.loads(cli("warm-up", "--json").stdout)
    listed = json.loads(cli("warm-up", "--list", "--json").stdout)
    for found in (again, listed):
        assert [group["name"] for group in found["groups"]] == list(GROUPS)
        assert all(group["kept"] and group["compiled"] == 0 for group in found["groups"])
        assert all(Path(folder).is_dir() for folder in found["folders"])


def test_without_a_folder_it_is_refused_by_name(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilation, "writable", lambda: False)
    monkeypatch.setattr(compilation, "kept", lambda: {"_topk": 0, "mse_pass": 1})
    monkeypatch.setattr(compilation, "cache_folders", list)
    result = cli("warm-up")
    assert result.exit_code == 8
    assert "NUMBA_CACHE_DIR" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_what_could_not_be_kept_is_told(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up while kernels are written stops no other command."""
    monkeypatch.setattr("mfcli.stages.warm_up.GROUPS", {})
    monkeypatch.setattr(compilation, "kept", lambda: {"_topk": 0, "mse_pass": 1})
    result = cli("warm-up")
    assert result.exit_code == 8
    assert "_topk could not be kept" in result.stderr


def doubled(x: int) -> int:
    return 2 * x


def test_kernels_are_found_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an image that was warmed up: numba itself would look elsewhere, and compile."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path / "kept"))
    first: Any = compilation.compiled()(doubled)
    assert first(21) == 42
    folder = first._cache.cache_path
    monkeypatch.setattr("numba.core.caching.tempfile.TemporaryFile", refuse)
    again: Any = compilation.compiled()(doubled)
    assert again._cache.cache_path == folder
    assert again(21) == 42
    assert again.stats.cache_hits
    assert again(2.5) == 5.0  # compiled, and not kept
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setattr(compilation._BesideSource, "ensure_cache_path", refuse)
    nowhere: Any = compilation.compiled()(doubled)
    assert nowhere._cache.cache_path is None
    assert nowhere(21) == 42


def test_a_part_of_kernels_is_not_called_from_python() -> None:
    part = compilation.inlined(doubled)
    with pytest.raises(TypeError, match="doubled is a part of kernels"):
        part(21)
    assert numba.njit(lambda x: part(x))(21) == 42


@pytest.mark.slow
def test_after_a_warm_up_no_command_compiles(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run(words: str) -> str:
        done = subprocess.run(
            [*MFCLI, *words.split()],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stderr

    run("fetch demo --out d.npz --users 60 --items 40 --ratings 900")
    run("split d.npz --out s --valid --n 3")
    assert "compiling" in run("train d.npz --mode hogwild --epochs 1 --out m.pt")
    run("warm-up")
    train = "train s/train.npz --valid s/valid.npz --epochs 1 --factors 8 --out m.pt"
    for words in (
        f"{train} --mode hogwild --metric ndcg",
        f"{train} --engine hogwild --objective mse",
        f"{train} --engine hogwild --objective warp --positive-weight linear",
        f"{train} --engine hogwild --objective logistic --negative-power 0.5",
        f"{train} --engine hogwild --objective mse --model svdpp",
        f"{train} --engine als --objective mse",
        f"{train} --objective ials --metric ndcg",
        "evaluate m.pt s/test.npz --out m.json --k 5 --metric ndcg --metric auc",
        "recommend m.pt --out r.csv",
        "recommend m.pt --out r.parquet --history s/test.npz",
        "similar m.pt --out n.csv",
        "train s/train.npz --valid s/valid.npz --model ease --metric ndcg --out m.pt",
        "evaluate m.pt s/test.npz --out m.json --k 5 --metric ndcg",
        "recommend m.pt --out r.parquet --history s/test.npz",
        "recommend m.pt --out p.csv --pairs r.parquet",
    ):
        assert "compiling" not in run(words), words
