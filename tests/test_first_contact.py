"""``mfcli`` alone in a folder, the line that names the next command, and doctor."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from importlib import metadata
from pathlib import Path

import pytest

from mfcli.cli.following import after
from mfcli.config import Objective, SplitConfig
from mfcli.config.run import run_configs
from mfcli.console import Screen
from mfcli.errors import UsageError
from mfcli.results import Found
from mfcli.stages import doctor
from mfcli.stages.contact import look_around
from mfcli.system import processors
from mfcli.system.processors import cpu_quota

# Files of a folder → what is said of them, in this order: name, and the command that comes next.
FOLDERS = {
    "ratings.csv": [("ratings.csv", "mfcli run ratings.csv --out run")],
    "my clicks.tsv": [("my clicks.tsv", "mfcli run 'my clicks.tsv' --out run")],
    "x.npz recommendations.csv model.history.csv": [("x.npz", "mfcli split x.npz --out split")],
    "split/train.npz": [("split/", "mfcli train split/train.npz --out model.pt")],
    "train.npz test.npz": [("train.npz", "mfcli train train.npz --out model.pt")],
    "model.pt": [("model.pt", "mfcli recommend model.pt --out recommendations.csv")],
    "m.pt split/train.npz split/test.npz": [
        ("m.pt", "mfcli evaluate m.pt split/test.npz --out metrics.json"),
        ("split/", "mfcli train split/train.npz --out model.pt"),
    ],
    "m.pt.resume": [("m.pt.resume", "mfcli train MATRIX.npz --out m.pt --resume")],
    "run/model.pt run/metrics.json": [("run/", "mfcli report run --out report.html")],
    "shop.toml other.toml": [("shop.toml", "mfcli nightly shop.toml")],
    "shop/generations/1/x": [("shop/", "mfcli report shop --out nights.html")],
    "notes.txt .hidden.csv": [],
}


def make(folder: Path, names: str) -> None:
    for name in re.findall(r"my clicks\.tsv|\S+", names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("[nightly]\n" if name == "shop.toml" else "")


@pytest.mark.parametrize("names", FOLDERS)
def test_what_is_there_says_what_comes_next(names, tmp_path, monkeypatch, cli):
    make(tmp_path, names)
    assert [(it.name, it.command) for it in look_around(tmp_path)] == FOLDERS[names]
    monkeypatch.chdir(tmp_path)
    result = cli()
    assert result.exit_code == 2, "no command was named"
    assert not result.stderr
    for _, command in FOLDERS[names]:
        assert f"      {command}\n" in result.stdout
    assert ("Usage: mfcli COMMAND" in result.stdout) == (not FOLDERS[names])


def test_a_folder_that_cannot_be_read_says_nothing(tmp_path):
    assert look_around(tmp_path / "missing") == []


def given(**some: object) -> dict[str, object]:
    """Return what a command was given, with what it has where nothing is."""
    made = {"rollback": None, "listed": False, "forget": None, "since": None, "dry_run": False}
    return made | some


@pytest.mark.parametrize(
    ("command", "some", "expected"),
    [
        ("fetch", {"out": "a b.npz"}, "mfcli split 'a b.npz' --out split"),
        ("split", {"out": "s", "config": SplitConfig()}, "mfcli train s/train.npz --out model.pt"),
        (
            "split",
            {"out": "s", "config": SplitConfig(valid=True)},
            "mfcli train s/train.npz --valid s/valid.npz --patience 3 --out model.pt",
        ),
        (
            "split",
            {"out": "s", "config": SplitConfig(folds=3)},
            "mfcli train s/fold1/train.npz --out model.pt",
        ),
        (
            "train",
            {"out": "m.pt", "matrix": Path("x.npz")},
            "mfcli recommend m.pt --out recommendations.csv",
        ),
        (
            "tune",
            {"out": "b.toml", "matrix": Path("x.npz")},
            "mfcli train x.npz --config b.toml --out model.pt",
        ),
        (
            "evaluate",
            {"files": [Path("a.pt"), Path("b.pt")]},
            "mfcli recommend a.pt --out recommendations.csv",
        ),
        ("recommend", {"out": "r.csv"}, "mfcli help nightly"),
        ("run", {"out": "run"}, "mfcli report run --out report.html"),
        ("nightly", {"file": Path("shop.toml")}, "mfcli nightly shop.toml --list"),
        ("nightly", {"file": Path("s.toml"), "dry_run": True}, "mfcli nightly s.toml"),
        ("nightly", {"file": Path("shop.toml"), "rollback": "previous"}, None),
        ("inspect", {"file": Path("x")}, None),
    ],
)
def test_a_stage_is_followed_by_the_next(command, some, expected):
    assert after(command, given(**some)) == expected


def test_a_model_of_a_split_is_measured_next(tmp_path):
    (tmp_path / "test.npz").touch()
    found = after("train", {"out": "m.pt", "matrix": tmp_path / "train.npz"})
    assert found == shlex.join(
        ["mfcli", "evaluate", "m.pt", str(tmp_path / "test.npz"), "--out", "metrics.json"]
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("to", [Terminal, io.StringIO])
@pytest.mark.parametrize("options", [{}, {"quiet": True}, {"as_json": True}])
def test_the_next_command_is_named_on_a_terminal_only(to, options, monkeypatch):
    out, err = to(), to()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    with Screen(**({"as_json": False, "quiet": False, "data_on_stdout": False} | options)) as it:
        it.show_next("mfcli split x.npz --out split")
        it.show_next(None)
    said = "next: mfcli split x.npz --out split" in err.getvalue()
    assert said == (to is Terminal and not options)
    assert not out.getvalue()


def test_doctor_looks_at_everything(cli):
    result = cli("doctor", "--json")
    document = json.loads(result.stdout)
    found = {it["name"]: it for it in document["found"]}
    assert result.exit_code == (0 if document["well"] else 8)
    for name in ("Python", "cores", "memory", "device", "locale", "compiled kernels"):
        assert found[name]["state"] in ("ok", "advice"), found[name]
    for name in ("current folder", "temporary files", "cache of downloads", "torch", "numpy"):
        assert found[name]["value"]
    assert all(it["mend"] for it in found.values() if it["state"] != "ok")


def test_doctor_ends_with_8_where_mfcli_cannot_work(cli, monkeypatch):
    def look():
        yield Found("x", "bad", "too old", "pip install 'x>=2'")
        raise ImportError("libx.so is missing")

    monkeypatch.setattr(doctor, "_LOOKS", {"x": look, "y": lambda: iter([Found("y", "ok", "1")])})
    result = cli("doctor")
    assert result.exit_code == 8
    lines = [line.split() for line in result.stdout.splitlines() if line]
    assert lines[0] == ["bad", "x", "too", "old"], "what was found before stays"
    assert lines[1] == ["→", "pip", "install", "'x>=2'"]
    assert lines[2] == ["bad", "x", "cannot", "be", "found", "out:", "libx.so", "is", "missing"]
    assert lines[4] == ["ok", "y", "1"]
    assert "2 to mend" in result.stdout


def test_doctor_says_what_to_do_about_a_package(monkeypatch):
    wants = [
        doctor.Requirement("numpy", "99", None),
        doctor.Requirement("no-such-package", "1", None),
        doctor.Requirement("no-such-extra", "1", "dask"),
        doctor.Requirement("no-such-tool", "1", "dev"),
    ]
    monkeypatch.setattr(doctor, "requirements", lambda: wants)
    found = list(doctor._packages())
    assert [(it.name, it.state) for it in found] == [
        ("numpy", "bad"),
        ("no-such-package", "bad"),
        ("no-such-extra", "ok"),
    ]
    assert found[0].value == f"{metadata.version('numpy')}, and 99 is the lowest that works"
    assert found[1].mend == "pip install 'no-such-package>=1'"


def test_the_requirements_are_those_of_the_distribution():
    names = {it.name: it.extra for it in doctor.requirements()}
    assert names["torch"] is None
    assert names["distributed"] == "dask"


@pytest.mark.parametrize(
    ("version", "lowest", "enough"),
    [
        ("2.13.0+cpu", "2.4", True),
        ("2.4", "2.4.0", True),
        ("2.3.9", "2.4", False),
        ("10.0", "9.9", True),
        ("2.4.0rc1", "2.4", True),
        ("2026.8.0", "2024.8", True),
    ],
)
def test_versions_are_compared_as_numbers(version, lowest, enough):
    assert doctor.is_at_least(version, lowest) is enough


@pytest.mark.parametrize(
    ("group", "files", "expected"),
    [
        ("0::/a/b", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, 1.5),
        ("0::/", {"cpu.max": "50000 100000"}, 0.5),
        ("0::/a", {}, None),
        ("4:cpu,cpuacct:/a", {"cpu/a/cpu.cfs_quota_us": "-1"}, None),
        (
            "4:cpu,cpuacct:/a",
            {"cpu/a/cpu.cfs_quota_us": "200000", "cpu/a/cpu.cfs_period_us": "100000"},
            2.0,
        ),
        ("4:memory:/a", {"cpu/a/cpu.max": "100000 100000"}, None),
    ],
)
def test_the_limit_of_a_control_group_is_read(group, files, expected, tmp_path):
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text)
    (tmp_path / "cgroup").write_text(f"{group}\n")
    assert cpu_quota(tmp_path / "fs", tmp_path / "cgroup") == expected
    assert cpu_quota(tmp_path / "fs", tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("quota", "cores", "workers"),
    [(None, 64, 64), (2.0, 64, 2), (1.5, 64, 1), (0.5, 64, 1), (8.0, 4, 4)],
)
def test_threads_are_no_more_than_the_control_group_keeps_busy(quota, cores, workers, monkeypatch):
    for module in (processors, doctor):
        monkeypatch.setattr(module, "usable_cores", lambda: cores)
        monkeypatch.setattr(module, "cpu_quota", lambda: quota)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    processors._own_quota.cache_clear()
    try:
        assert processors.available_workers() == workers
        (found,) = doctor._cores()
        assert (found.state, found.value.split(":")[0]) == ("ok", f"{workers} of {cores}")
        assert ("control group" in found.value) is (quota is not None and quota < cores)
    finally:
        processors._own_quota.cache_clear()


def test_a_folder_that_cannot_be_written_is_found(tmp_path, monkeypatch):
    assert doctor._folder("x", tmp_path / "new/er", "").state == "ok"
    monkeypatch.setattr("os.access", lambda *_: False)
    found = doctor._folder("x", tmp_path, "set X")
    assert (found.state, found.mend) == ("advice", "set X")


def test_run_hands_an_objective_and_a_metric_on(tmp_path):
    """The metric is what is measured, and what a budget makes best."""
    configs = run_configs((None, None), tmp_path, objective=Objective.ials, metric=["ndcg@5"])
    assert configs.train.recipe().setting.objective is Objective.ials
    assert not configs.open_way, "the data may not choose another"
    assert (configs.evaluate.metric, configs.train.metric) == (["ndcg@5"], [])
    configs = run_configs((None, None), tmp_path, metric=["recall"], budget="1m")
    assert (configs.evaluate.metric, configs.train.metric) == (["recall"], ["recall"])
    assert configs.open_way
    with pytest.raises(UsageError, match="not a metric"):
        run_configs((None, None), tmp_path, metric=["ndgc"])
