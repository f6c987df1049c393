"""Completion: what may follow in a line, and the scripts in real shells."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from mfcli.cli import app
from mfcli.cli.completion import answer, offer, split_line
from mfcli.cli.guides import GUIDES
from mfcli.cli.shells import SCRIPTS, Shell
from mfcli.codes import WarningCode
from mfcli.config import Mode, Objective
from mfcli.config.files import preset_names
from mfcli.config.metrics import METRICS
from mfcli.sources.datasets import DATASETS

ROOT = Path(__file__).parent.parent
GROUP = get_command(app)
BREAKS = " \t\n\"'@><=;|&(:"  # bash's own


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make a folder with files of several kinds, and go there."""
    for name in ("a b.npz", "model.pt", "shop.toml", "ratings.csv", ".hidden.npz", "m.pt.lock"):
        (tmp_path / name).touch()
    (tmp_path / "split").mkdir()
    (tmp_path / "split/train.npz").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(line: str) -> list[str]:
    return list(offer(GROUP, split_line(line)).words)


def files(line: str) -> list[str]:
    return offer(GROUP, split_line(line)).files


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mfcli ", list(GUIDES)),
        ("mfcli tr", ["train"]),
        ("mfcli --sh", ["--show-completion"]),
        ("mfcli --show-completion ", list(Shell)),
        ("mfcli train --mode ", list(Mode)),
        ("mfcli train x.npz --out m.pt --objective ", list(Objective)),
        ("mfcli run --objective=ia", ["--objective=ials"]),
        ("mfcli train --preset ", preset_names()),
        ("mfcli evaluate --metric auc --metric r_", ["r_precision"]),
        ("mfcli evaluate --metric nd", ["ndcg@10"]),
        ("mfcli evaluate --metric ndcg@2", ["ndcg@20"]),
        ("mfcli fetch ", ["demo", *DATASETS]),
        ("mfcli fetch ml-1", [name for name in DATASETS if name.startswith("ml-1")]),
        ("mfcli run de", ["demo"]),
        ("mfcli fetch x --ignore W-ti", [it for it in WarningCode if it.startswith("W-ti")]),
        ("mfcli help quali", ["quality"]),
        ("mfcli train --out m.pt --ou", []),
        ("mfcli train --no-glo", ["--no-global-mean"]),
        ("mfcli train --epochs ", []),
        ("mfcli train m.npz extra", []),
        ("mfcli nonsense ", []),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_may_follow(line, expected):
    found = words(line)
    assert sorted(found) == sorted(map(str, expected)) if line == "mfcli " else found == expected


def test_metrics_are_offered_whole():
    found = words("mfcli evaluate --metric ")
    assert [word.partition("@")[0] for word in found] == list(METRICS)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mfcli train ", ["a b.npz", "split/"]),
        ("mfcli train split/", ["split/train.npz"]),
        ("mfcli train ./spl", ["./split/"]),
        ("mfcli train .h", [".hidden.npz"]),
        ('mfcli train "a ', ["a b.npz"]),
        ("mfcli train a\\ b", ["a b.npz"]),
        ("mfcli evaluate ", ["a b.npz", "model.pt", "split/"]),
        ("mfcli recommend m", ["model.pt"]),
        ("mfcli train a.npz --config ", ["shop.toml", "split/"]),
        ("mfcli train a.npz --config=s", ["--config=shop.toml", "--config=split/"]),
        ("mfcli fetch ra", ["ratings.csv"]),
        ("mfcli report ", ["split/"]),
        ("mfcli train no/such/", []),
    ],
)
@pytest.mark.usefixtures("folder")
def test_files_of_the_kind_that_is_wanted_follow(line, expected):
    assert files(line) == expected


def test_every_visible_option_is_offered():
    for name, command in GROUP.commands.items():  # type: ignore[attr-defined]
        found = words(f"mfcli {name} --")
        for it in command.params:
            if it.param_type_name == "option" and not it.hidden:
                assert {flag for flag in it.opts if flag.startswith("--")} <= set(found)
            elif it.param_type_name == "option":
                assert not set(it.opts) & set(found), "retired options are not offered"


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=8)))
def test_a_line_is_split_as_a_shell_splits_it(parts):
    line = split_line(shlex.join([*parts, ""])[:-2])
    assert [*line.words, line.current] == [*parts, ""]


@pytest.mark.parametrize(
    ("line", "cut"),
    [("x --mode=im", 7), ("x ndcg@1", 5), ("x 'a b", 0), ("x a'b:c", 1), ("x a\\=b", 0), ("x ", 0)],
)
def test_bash_keeps_what_stands_before_a_letter_that_breaks_words(line, cut):
    assert split_line(line, BREAKS).cut == cut


@pytest.mark.usefixtures("folder")
def test_every_line_of_an_answer_is_one_offer():
    line = split_line("mfcli train --mode=", BREAKS)
    assert answer(Shell.bash, line, offer(GROUP, line)).splitlines()[1:] == list(Mode)
    rows = answer(Shell.fish, line, offer(GROUP, line)).splitlines()
    assert rows[0] == "word\t--mode=explicit\tpredicts ratings"
    line = split_line("mfcli train ")
    assert answer(Shell.bash, line, offer(GROUP, line)) == "files\na b.npz\nsplit\n"


@pytest.mark.parametrize("shell", Shell)
def test_the_script_of_each_shell_is_shown_and_installed(cli, shell, tmp_path):
    assert cli("--show-completion", shell).stdout == SCRIPTS[shell]
    env: dict[str, str | None] = {
        "HOME": str(tmp_path),
        "SHELL": f"/bin/{shell}",
        "XDG_DATA_HOME": None,
        "XDG_CONFIG_HOME": None,
        "ZDOTDIR": None,
    }
    assert cli("--show-completion", env=env).stdout == SCRIPTS[shell]
    rc = tmp_path / f".{shell}rc"
    if shell is not Shell.fish:
        rc.write_text("alias x=y")  # without an end of line
    for _ in range(2):
        result = cli("--install-completion", env=env)
        assert result.exit_code == 0
        written = Path(result.stdout.split("wrote ")[1].split(" and ")[0].split(";")[0])
        assert written.read_text("utf-8") == SCRIPTS[shell]
    if shell is not Shell.fish:
        lines = rc.read_text().splitlines()
        assert (lines[0], len(lines)) == ("alias x=y", 2), "a second time changes nothing"
        assert str(written) in lines[1]


def test_a_shell_that_is_not_known_is_refused(cli):
    result = cli("--show-completion", "tcsh")
    assert (result.exit_code, "bash, zsh, fish" in result.stderr) == (2, True)
    result = cli("--install-completion", env={"SHELL": "/bin/tcsh"})
    assert (result.exit_code, "bash, zsh, fish" in result.stderr) == (2, True)


HEAVY = ["torch", "numba", "numpy", "scipy", "pandas", "pyarrow"]
PROGRAM = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mfcli "$@"\n'


@pytest.fixture
def environment(folder):
    """Return an environment in which mfcli is this copy."""
    program = folder / "bin/mfcli"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return os.environ | {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "TERM": "dumb",
        "PS1": "$ ",
    }


def test_completion_imports_nothing_heavy(environment):
    lines = ["mfcli fetch ", "mfcli train --preset ", "mfcli help ", "mfcli evaluate --metric n"]
    code = (
        "import sys\nfrom mfcli.cli import app\nfrom typer.main import get_command\n"
        "from mfcli.cli.completion import offer, split_line\ngroup = get_command(app)\n"
        f"assert all(offer(group, split_line(line)).words for line in {lines})\n"
        f"assert not [name for name in {HEAVY} if name in sys.modules]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_function_of_the_script_fills_bash_s_reply(environment):
    (Path(environment["HOME"]) / "script").write_text(SCRIPTS[Shell.bash])
    code = (
        '. "$HOME/script"\n'
        'COMP_LINE="mfcli evaluate --metric=ndcg@1" COMP_POINT=${#COMP_LINE}\n'
        '_mfcli_complete mfcli; printf "%s\\n" "${COMPREPLY[@]}"\n'
        'COMP_LINE="mfcli train a" COMP_POINT=${#COMP_LINE}\n'
        '_mfcli_complete mfcli; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    code = code.replace("COMP_POINT=$", "; COMP_POINT=$")
    done = subprocess.run(
        ["bash", "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["10", "100", "a b.npz"], done.stderr


# Shell → how it starts without files of the user's, and how it loads the script.
STARTS = {
    Shell.bash: (["bash", "--norc", "--noprofile", "-i"], ". ./script"),
    Shell.zsh: (["zsh", "-f", "-i"], "autoload -Uz compinit && compinit -u -D; . ./script"),
}


def typed(fd: int, text: str, expected: str, seconds: float = 30) -> str:
    """Type into a terminal and return what it shows until that holds what is expected."""
    os.write(fd, text.encode())
    shown, end = "", time.monotonic() + seconds
    while expected not in shown and time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            shown += os.read(fd, 65536).decode("utf-8", "replace")
    return shown


@pytest.mark.slow
@pytest.mark.parametrize("shell", STARTS)
def test_a_real_shell_completes_what_is_typed(shell, environment):
    """A key is a key: TAB is pressed on a terminal."""
    start, load = STARTS[shell]
    if shutil.which(start[0]) is None:
        pytest.skip(f"no {shell}")
    (Path(environment["HOME"]) / "script").write_text(SCRIPTS[shell])
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe(start[0], start, environment)
    try:
        typed(fd, f"{load}; echo rea''dy\n", "ready")
        for text, expected in (
            ("mfcli tr\t", "mfcli train "),
            ("mfcli train --mode=h\t", "--mode=hogwild "),
            ("mfcli train a\t", "a\\ b.npz"),
            ("mfcli train split/\t", "split/train.npz"),
            ("mfcli fetch ml-la\t", "ml-latest-small"),
            ("mfcli train --preset notebook-n\t", "notebook-neural"),
            ("mfcli evaluate --metric r_\t", "r_precision"),
        ):
            assert expected in typed(fd, text, expected), (shell, text)
            os.write(fd, b"\x15")  # Ctrl-U: an empty line again
    finally:
        os.close(fd)
        os.waitpid(pid, 0)


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
@pytest.mark.slow
def test_fish_completes_with_what_each_word_is(environment):
    (Path(environment["HOME"]) / "script").write_text(SCRIPTS[Shell.fish])
    code = 'source ~/script; complete -C "mfcli train --mode h"; complete -C "mfcli train split/"'
    done = subprocess.run(
        ["fish", "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "hogwild\timplicit, on all cores\nsplit/train.npz\n", done.stderr
