"""Folders of parts: the same bytes from any number of runs, whole or not at all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mfcli.artifacts import file_sha256, output_lock
from mfcli.config import RecommendConfig
from mfcli.publishing.parts import parts_of, read_note, shared_recommender, write_part
from tests.helpers import interactions
from tests.models_on_disk import write_model

K = ("--k", "3", "--part-users", "9")


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli):
    """Make a model of 60 users, and the folder that one run with one thread writes."""
    folder = tmp_path_factory.mktemp("parts")
    write_model(folder / "m.pt", interactions(60, 40, 0.2, 3), 1)
    result = cli("recommend", folder / "m.pt", "--out", f"{folder}/recs/", *K, "--workers", "1")
    assert result.exit_code == 0, result.stderr
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_folder_holds_parts_a_manifest_and_success(cli, made, tmp_path) -> None:
    names = [f"part-{number:05d}.parquet" for number in range(7)]
    assert list(content(made / "recs")) == ["_SUCCESS", "_manifest.json", *names]
    manifest = json.loads((made / "recs/_manifest.json").read_text())
    assert manifest["model"]["sha256"] == file_sha256(made / "m.pt")
    assert (manifest["rows"], manifest["users"]) == (180, 60)
    assert (manifest["options"]["k"], manifest["options"]["part_users"]) == (3, 9)
    for part in manifest["parts"]:
        path = made / "recs" / part["name"]
        assert part["sha256"] == file_sha256(path)
        assert part["rows"] == pq.read_metadata(path).num_rows
    # Readers of folders pass over the names that begin with _; the rows are those of one file.
    assert cli("recommend", made / "m.pt", "--out", tmp_path / "r.parquet", *K[:2]).exit_code == 0
    assert pq.read_table(made / "recs").equals(pq.read_table(tmp_path / "r.parquet"))


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl", "parquet"])
def test_two_threads_and_shards_in_any_order_give_the_same_bytes(cli, made, tmp_path, kind) -> None:
    recommend = ("recommend", made / "m.pt", *K, "--format", kind, "--out")
    assert cli(*recommend, f"{tmp_path}/two/", "--workers", "2").exit_code == 0
    published = []
    for shard in ("3/4", "1/4", "4/4", "2/4"):
        result = cli(*recommend, f"{tmp_path}/four/", "--shard", shard, "--json")
        assert result.exit_code == 0, result.stderr
        published.append(json.loads(result.stdout)["published"])
        assert (tmp_path / "four").exists() == published[-1]
    assert published == [False, False, False, True]
    assert content(tmp_path / "four") == content(tmp_path / "two")
    if kind == "parquet":
        assert content(tmp_path / "two") == content(made / "recs")
    assert not list(tmp_path.glob(".*.building"))
    # A shard that is started again changes nothing, and no output becomes its own predecessor.
    before = (tmp_path / "four").stat().st_ino
    again = cli(*recommend, f"{tmp_path}/four/", "--shard", "2/4", "--keep-previous")
    assert "published already" in again.stderr
    assert (tmp_path / "four").stat().st_ino == before
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"two", "four", "two.lock", "four.lock", ".four.building.lock"}


def test_a_shard_of_a_newer_model_starts_anew_where_nobody_is_at_the_old_one(
    cli, made, tmp_path
) -> None:
    model = tmp_path / "m.pt"
    model.write_bytes((made / "m.pt").read_bytes())
    recommend = ("recommend", model, *K, "--out", f"{tmp_path}/recs/", "--shard")
    assert cli(*recommend, "1/2").exit_code == 0
    write_model(model, interactions(60, 40, 0.2, 3), 2)
    # While another shard holds its share of the lock, the old parts may be in use.
    with output_lock(tmp_path / "recs", shared=True):
        result = cli(*recommend, "1/2")
    assert result.exit_code == 3
    assert "another model" in result.stderr
    for shard in ("1/2", "2/2"):
        assert cli(*recommend, shard).exit_code == 0
    manifest = json.loads((tmp_path / "recs/_manifest.json").read_text())
    assert manifest["model"]["sha256"] == file_sha256(model)
    assert cli("recommend", model, *K, "--out", f"{tmp_path}/whole/").exit_code == 0
    assert content(tmp_path / "recs") == content(tmp_path / "whole")
    with output_lock(tmp_path / "recs"):
        assert cli(*recommend, "1/2").exit_code == 7


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(cli, made, tmp_path) -> None:
    """SIGKILL in the middle: the old folder stays, whole parts are kept, the result is the same."""
    options = ("--k", "3", "--part-users", "1")
    assert cli("recommend", made / "m.pt", "--out", f"{tmp_path}/whole/", *options).exit_code == 0
    out = tmp_path / "recs"
    assert cli("recommend", made / "m.pt", "--out", f"{out}/", "--k", "1").exit_code == 0
    old = content(out)
    command = ["recommend", str(made / "m.pt"), "--out", f"{out}/", *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "mfcli", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    building = tmp_path / ".recs.building"
    deadline = time.monotonic() + 60
    while len(list(building.glob(".part-*.json"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert content(out) == old
    there = sorted(building.glob("part-*.parquet"))
    there[0].write_bytes(b"damaged")
    kept = {path.name: path.stat().st_ino for path in there[1:3]}
    refused = cli(*command, "--resume", "--min-score", "0")
    assert refused.exit_code == 3
    assert "another --min-score" in refused.stderr
    result = cli(*command, "--resume")
    assert result.exit_code == 0, result.stderr
    assert "were there and whole" in result.stderr
    assert content(out) == content(tmp_path / "whole")
    assert {name: (out / name).stat().st_ino for name in kept} == kept
    assert not building.exists()


def test_resume_mends_a_published_folder(cli, made, tmp_path) -> None:
    recommend = ("recommend", made / "m.pt", *K, "--out", f"{tmp_path}/recs/")
    assert cli(*recommend).exit_code == 0
    (tmp_path / "recs/part-00002.parquet").write_bytes(b"damaged")
    (tmp_path / "recs/part-00003.parquet").unlink()
    result = cli(*recommend, "--resume", "--json", "--min-coverage", "0.1")
    assert "5 of 7 parts were there" in result.stderr
    assert content(tmp_path / "recs") == content(made / "recs")


def test_users_that_nobody_knows_have_parts_behind_the_matrix(cli, made, tmp_path) -> None:
    asked = "".join(f"{user}\n" for user in [10, 69, *range(200, 212)])
    recommend = ("recommend", made / "m.pt", *K, "--users", "-", "--out", f"{tmp_path}/recs/")
    assert cli(*recommend, input=asked).exit_code == 0
    manifest = json.loads((tmp_path / "recs/_manifest.json").read_text())
    names = [part["name"] for part in manifest["parts"]]
    assert names == [f"part-0000{number}.parquet" for number in (0, 6, 7, 8)]
    users = pq.read_table(tmp_path / "recs")["user_id"].unique().to_pylist()
    assert users == [10, 69, *range(200, 212)]
    # Nobody at all is an empty table, not an empty folder.
    nobody = (*recommend, "--unknown-users", "skip", "--allow-empty")
    assert cli(*nobody, input="999\n").exit_code == 0
    assert pq.read_table(tmp_path / "recs").num_rows == 0


def test_a_part_is_scored_by_path_and_number(made, tmp_path) -> None:
    """What a worker elsewhere is told: the model's path, the options, the part."""
    config = RecommendConfig(k=3, part_users=9)
    recommender, _ = shared_recommender(made / "m.pt", config)
    part = parts_of(recommender)[4]
    note = write_part(recommender, part, tmp_path)
    path = tmp_path / part.name
    assert path.read_bytes() == (made / "recs" / part.name).read_bytes()
    assert note == read_note(tmp_path, part)
    assert shared_recommender(made / "m.pt", config)[0] is recommender
    path.write_bytes(b"")
    assert read_note(tmp_path, part) is None


@pytest.mark.parametrize("out", ["recs/", "r.csv"])
def test_a_previous_output_is_kept_only_where_nothing_else_is(cli, made, tmp_path, out) -> None:
    previous = Path(f"{tmp_path}/{out}").with_name(f"{out.strip('/')}.previous")
    previous.mkdir()
    (previous / "photo.jpg").touch()
    result = cli("recommend", made / "m.pt", "--out", f"{tmp_path}/{out}", "--keep-previous")
    assert result.exit_code == 2
    assert "previous" in result.stderr
    assert [path.name for path in previous.iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize("name", ["mine", "file", "inputs"])
def test_a_folder_of_something_else_is_not_replaced(cli, made, tmp_path, name) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/photo.jpg").touch()
    (tmp_path / "file").touch()
    model = made / "m.pt"
    if name == "inputs":
        assert cli("recommend", model, "--out", f"{tmp_path}/inputs/").exit_code == 0
        model = tmp_path / "inputs/m.pt"
        model.write_bytes((made / "m.pt").read_bytes())
    before = sorted(tmp_path.rglob("*"))
    for command in ("recommend", "export"):
        assert cli(command, model, "--out", f"{tmp_path}/{name}/").exit_code == 2
    after = [path for path in sorted(tmp_path.rglob("*")) if path.suffix != ".lock"]
    assert after == [path for path in before if path.suffix != ".lock"]


def test_inspect_knows_the_folder_and_every_table(cli, made, tmp_path) -> None:
    found = json.loads(cli("inspect", made / "recs", "--json").stdout)
    assert (found["kind"], found["details"]["parts"]) == ("recommendations", 7)
    model = made / "m.pt"
    assert cli("export", model, "--out", tmp_path / "arrays").exit_code == 0
    assert json.loads(cli("inspect", tmp_path / "arrays", "--json").stdout)["kind"] == "export"
    assert cli("inspect", tmp_path).exit_code == 3
    for ending in ("csv", "csv.gz", "jsonl", "parquet"):
        out = tmp_path / f"t.{ending}"
        for command, kind in (("recommend", "recommendations"), ("similar", "similar items")):
            assert cli(command, model, "--out", out, "--k", "2").exit_code == 0
            found = json.loads(cli("inspect", out, "--json").stdout)
            assert (found["kind"], found["details"]["format"]) == (kind, ending)
