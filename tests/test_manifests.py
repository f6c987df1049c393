"""OUT.manifest.json beside a file: true of it, or not there; kept with what is replaced."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from mfcli.artifacts import manifest_of
from mfcli.artifacts.files import atomic_file, previous_of
from mfcli.artifacts.manifest import Facts, matches

SAMPLE = ["--users", "60", "--items", "40", "--ratings", "900"]
FACTS = Facts("metrics", {"rows": 3}, [{"stage": "x", "options": {}, "inputs": []}])


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli) -> Path:
    """Make a matrix, its split and a model, each with its manifest."""
    folder = tmp_path_factory.mktemp("made")
    for words in (
        ["fetch", "demo", *SAMPLE, "--out", folder / "data.npz"],
        ["split", folder / "data.npz", "--n", "3", "--out", folder],
        ["train", folder / "train.npz", "--epochs", "2", "--factors", "4", "--out",
         folder / "model.pt"],
    ):  # fmt: skip
        done = cli(*words, "--manifest")
        assert done.exit_code == 0, done.stderr
    return folder


def load_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest beside a file."""
    found: dict[str, Any] = json.loads(manifest_of(path).read_text("utf-8"))
    return found


def true_of(path: Path) -> dict[str, Any]:
    """Return a file's manifest, which says what the file is."""
    found = load_manifest(path)
    assert matches(path, found)
    assert found["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found["bytes"] == path.stat().st_size
    return found


def test_a_manifest_says_what_a_file_is_and_what_led_to_it(made):
    stages = {}
    for name in ("data.npz", "train.npz", "test.npz", "model.pt"):
        found = true_of(made / name)
        assert found["made_by"] == "mfcli"
        stages[found["kind"]] = [step["stage"] for step in found["lineage"]]
    assert stages == {"interactions": ["fetch", "split"], "model": ["fetch", "split", "train"]}
    matrix = load_manifest(made / "data.npz")
    assert matrix["counts"] == {"users": 60, "items": 40, "rows": 900}
    read = load_manifest(made / "model.pt")["lineage"][-1]["inputs"]
    assert read == [{"role": "train", "sha256": load_manifest(made / "train.npz")["sha256"]}]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["recommend", "MODEL", "--out", "OUT.csv"], "recommendations"),
        (["recommend", "MODEL", "--out", "OUT.parquet"], "recommendations"),
        (["recommend", "MODEL", "--out", "OUT.csv.gz", "--pairs", "PAIRS"], "scores"),
        (["similar", "MODEL", "--out", "OUT.jsonl"], "similar"),
        (["similar", "MODEL", "--out", "OUT.parquet", "--users"], "similar"),
        (["evaluate", "MODEL", "TEST", "--out", "OUT.json"], "metrics"),
        (["evaluate", "MODEL", "TEST", "--per-user", "OUT.csv"], "per-user"),
        (["tune", "TRAIN", "--trials", "2", "--epochs", "1", "--out", "OUT.toml"], "settings"),
    ],
)
def test_every_file_that_a_command_writes_may_have_one(cli, made, tmp_path, words, kind):
    (tmp_path / "pairs.csv").write_text("user,item\n1,1\n2,2\n")
    names = {"MODEL": "model.pt", "TEST": "test.npz", "TRAIN": "train.npz"}
    words = [str(made / names[word]) if word in names else word for word in words]
    words = [str(tmp_path / "pairs.csv") if word == "PAIRS" else word for word in words]
    out = next(tmp_path / word for word in words if word.startswith("OUT"))
    words = [str(out) if word.startswith("OUT") else word for word in words]
    texts = []
    for _ in range(2):
        done = cli(*words, "--manifest")
        assert done.exit_code == 0, done.stderr
        found = true_of(out)
        assert found["kind"] == kind
        assert found["lineage"][-1]["stage"] == words[0]
        assert any(count > 0 for count in found["counts"].values())
        texts.append(manifest_of(out).read_bytes())
    if kind != "settings":  # of tune the lineage alone
        assert texts[0] == texts[1]
        assert str(tmp_path).encode() not in texts[0]
    if out.suffix == ".parquet":
        inside = json.loads(pyarrow.parquet.read_metadata(out).metadata[b"mfcli"])
        assert inside == {
            name: value for name, value in found.items() if name not in ("sha256", "bytes")
        }


def test_a_file_that_is_replaced_without_one_has_none(cli, made, tmp_path):
    out = tmp_path / "recs.csv"
    words = ["recommend", made / "model.pt", "--out", out, "--keep-previous"]
    assert cli(*words, "--manifest").exit_code == 0
    first = manifest_of(out).read_bytes()
    assert cli(*words, "--k", "3").exit_code == 0
    assert not manifest_of(out).exists()
    assert manifest_of(previous_of(out)).read_bytes() == first
    true_of(previous_of(out))
    assert cli(*words, "--k", "4").exit_code == 0
    assert not manifest_of(previous_of(out)).exists()


def test_a_file_of_others_with_that_name_stays(cli, made, tmp_path):
    other = manifest_of(tmp_path / "recs.csv")
    other.write_text("{}")
    assert cli("recommend", made / "model.pt", "--out", tmp_path / "recs.csv").exit_code == 0
    assert other.read_text() == "{}"


def test_a_failed_write_leaves_both_as_they_were(tmp_path):
    out = tmp_path / "x"
    with atomic_file(out, FACTS.describe) as stream:
        stream.write(b"one")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def failing(_: Path) -> bytes:
        raise OSError

    with pytest.raises(OSError), atomic_file(out, failing) as stream:  # noqa: PT011
        stream.write(b"two")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    true_of(out)


def test_a_file_that_was_cut_or_changed_is_not_what_its_manifest_says(made, tmp_path):
    out, entry = tmp_path / "data.npz", load_manifest(made / "data.npz")
    shutil.copy(made / "data.npz", out)
    assert matches(out, entry)
    content = out.read_bytes()
    for wrong in (content[:-1], content[:-1] + bytes([content[-1] ^ 1])):
        out.write_bytes(wrong)
        assert not matches(out, entry)


@pytest.mark.parametrize(
    "words",
    [
        ["recommend", "MODEL", "--out", "-", "--manifest"],
        ["similar", "MODEL", "--out", "-", "--manifest"],
        ["evaluate", "MODEL", "TEST", "--manifest"],
        ["evaluate", "MODEL", "TEST", "--wait", "3"],
    ],
)
def test_without_a_file_there_is_no_manifest(cli, made, words):
    names = {"MODEL": made / "model.pt", "TEST": made / "test.npz"}
    result = cli(*[names.get(word, word) for word in words])
    assert result.exit_code == 2
    assert "has no meaning" in result.stderr


def test_reading_in_memory_has_no_option_about_files():
    import mfcli

    with pytest.raises(mfcli.errors.UsageError, match="nothing is written here"):
        mfcli.read("demo", manifest=True)  # type: ignore[call-arg]
