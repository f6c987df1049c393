"""What only a process of its own can show: imports, signals, kill −9, pipes, concurrent runs."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MFCLI = [sys.executable, "-m", "mfcli"]
# Enough work a run that a signal meets it in the middle, on a fast machine too.
LONG = ["--factors", "32", "--epochs", "12", "--batch-size", "128", "--eval-every", "5"]


@pytest.fixture(scope="module")
def data(tmp_path_factory, cli):
    folder = tmp_path_factory.mktemp("data")
    sample = ["--users", "800", "--items", "600", "--ratings", "40000"]
    assert cli("fetch", "demo", "--out", folder / "data.npz", *sample).exit_code == 0
    split = cli("split", folder / "data.npz", "--out", folder / "split", "--valid")
    assert split.exit_code == 0
    return folder


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def train(data: Path, out: Path, *options: str) -> list[str]:
    files = [str(data / "split/train.npz"), "--out", str(out)]
    return ["train", *files, "--valid", str(data / "split/valid.npz"), *LONG, *options]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, cli, data):
    out = tmp_path_factory.mktemp("whole") / "model.pt"
    assert cli(*train(data, out)).exit_code == 0
    return digest(out)


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*MFCLI, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def until_epoch(process: subprocess.Popen[str], epoch: int) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(f"epoch {epoch}/"):
            return
    raise AssertionError("the run ended before the epoch")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_goes_on_to_the_same_bytes(data, uninterrupted, tmp_path, cli, number):
    out = tmp_path / "model.pt"
    out.write_bytes(b"an earlier model")
    process = start(train(data, out))
    until_epoch(process, 3)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "--resume" in errors
    assert out.read_bytes() == b"an earlier model"
    assert (tmp_path / "model.pt.resume").exists()
    assert cli(*train(data, out, "--resume")).exit_code == 0
    assert digest(out) == uninterrupted
    assert not (tmp_path / "model.pt.resume").exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(data, uninterrupted, tmp_path, cli):
    out, state = tmp_path / "model.pt", tmp_path / "model.pt.resume"
    process = start(train(data, out))
    while not state.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=60)
    assert not out.exists()
    assert cli(*train(data, out, "--resume")).exit_code == 0
    assert digest(out) == uninterrupted
    leftovers = {path.name for path in tmp_path.iterdir()}
    assert leftovers == {"model.pt", "model.pt.lock", "model.history.csv"}


@pytest.mark.slow
def test_a_second_run_on_one_output_is_refused_while_the_first_one_goes_on(data, tmp_path, cli):
    out = tmp_path / "model.pt"
    process = start(train(data, out))
    until_epoch(process, 1)
    assert cli(*train(data, out)).exit_code == 7
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_reader_that_goes_away_is_no_error(data, tmp_path, cli):
    model = tmp_path / "model.pt"
    assert cli(*train(data, model, "--epochs", "1")).exit_code == 0
    command = [*MFCLI, "recommend", str(model), "--out", "-", "--k", "500"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"user_id,item_id,rank,score")
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 0
    assert errors == b""


HEAVY = ["torch", "numba", "numpy", "scipy", "pandas", "pyarrow", "sklearn", "requests", "joblib"]


def test_help_imports_nothing_heavy():
    """``--help`` and every command's help: the time that they take is their imports."""
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from mfcli.cli import app\n"
        "commands = [command.callback.__name__ for command in app.registered_commands]\n"
        "commands = [name.replace('_', '-') for name in commands]\n"
        "for args in [['--help'], ['--version'], *([name, '--help'] for name in commands)]:\n"
        "    assert CliRunner().invoke(app, args).exit_code == 0, args\n"
        f"loaded = [name for name in {HEAVY} if name in sys.modules]\n"
        "assert len(commands) > 5 and not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# What no command below needs, and what is imported by those that do.
UNNEEDED = ["torch", "sklearn", "pandas", "scipy.linalg", "scipy.sparse", "requests", "joblib"]
WITHOUT_GRADIENTS = [
    "train {t} --valid {d}/split/valid.npz --metric ndcg --mode hogwild --out {f}/h.pt",
    "train {t} --objective ials --epochs 2 --factors 4 --out {f}/a.pt",
    "train {t} --model bias --out {f}/b.pt",
    "recommend {m} --out {f}/recs.csv",
    "recommend {m} --out {f}/recs.parquet --k 3",
    "similar {m} --out {f}/similar.csv",
    "evaluate {m} {d}/split/test.npz --out {f}/metrics.json",
    "export {m} --out {f}/vectors/",
    "inspect {m}",
]


def test_what_follows_no_gradients_imports_neither_torch_nor_pandas(data, tmp_path, cli):
    """Each of them takes longer to import than these commands work; all run in one process."""
    model = tmp_path / "m.pt"
    assert cli(*train(data, model, "--epochs", "1")).exit_code == 0
    places = {"m": model, "d": data, "t": data / "split/train.npz", "f": tmp_path}
    commands = [line.format(**places).split() for line in WITHOUT_GRADIENTS]
    code = (
        "import sys\n"
        "from mfcli.cli import main\n"
        f"for words in {commands}:\n"
        "    try:\n"
        "        main([*words, '--quiet'])\n"
        "    except SystemExit as end:\n"
        "        assert not end.code, words\n"
        f"    loaded = [name for name in {UNNEEDED} if name in sys.modules]\n"
        "    assert not loaded, (words, loaded)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    assert (tmp_path / "recs.csv").stat().st_size > 0


def test_arrow_that_goes_without_pandas_converts_to_it_all_the_same():
    code = (
        "import sys\n"
        "from mfcli.artifacts.native import leave_pandas_out\n"
        "import pyarrow as pa\n"
        "leave_pandas_out()\n"
        "table = pa.table({'a': [1, 2, None]})\n"
        "assert 'pandas' not in sys.modules\n"
        "assert table.to_pandas()['a'].isna().sum() == 1\n"
        "leave_pandas_out()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.slow
def test_the_pipeline_gives_the_same_bytes_from_any_folder(tmp_path):
    """Two runs in processes of their own, from folders of different names."""
    (tmp_path / "c.toml").write_text(
        "[fetch]\nusers = 200\nitems = 100\nratings = 5000\n[split]\nn = 5\nvalid = true\n"
        "[train]\nepochs = 2\nfactors = 8\nmetric = ['ndcg']\npatience = 2\n"
    )
    digests = []
    for name in ("a", "elsewhere/b c ü"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        subprocess.run(
            [*MFCLI, "run", "demo", "--out", "out", "--config", str(tmp_path / "c.toml")],
            cwd=folder,
            check=True,
            timeout=120,
            capture_output=True,
            env=os.environ | {"LANG": "C", "LC_ALL": "C"},
        )
        files = sorted(path for path in (folder / "out").rglob("*") if path.is_file())
        digests.append(
            {
                str(path.relative_to(folder)): digest(path)
                for path in files
                if not path.name.endswith((".lock", ".history.csv"))
            }
        )
    assert len(digests[0]) == 8
    assert digests[0] == digests[1]


@pytest.mark.slow
def test_trials_in_processes_of_their_own_find_the_same(data, tmp_path, cli):
    """The minibatch engine's trials run in worker processes, unless one job is asked for."""
    search = ["tune", str(data / "split/train.npz"), "--epochs", "2", "--factors", "4"]
    search += ["--trials", "3", "--rungs", "1"]
    assert cli(*search, "--jobs", "1", "--out", tmp_path / "one.toml").exit_code == 0
    assert cli(*search, "--jobs", "2", "--out", tmp_path / "two.toml").exit_code == 0
    assert digest(tmp_path / "one.toml") == digest(tmp_path / "two.toml")
