"""The Dockerfile of the guide: its commands, in a root of their own.

No container is started, and nothing is downloaded: the base image is this interpreter, with the
libraries that it has. ENV, RUN, USER, WORKDIR and CMD are read from the page, and absolute paths
lead below a temporary root. In place of ``pip install`` the package is copied, and useradd is left
out. Where the test is root, and the user of the page can reach the interpreter, CMD runs as that
user, who may write its volume and /tmp only; elsewhere as who runs the test.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PAGE = (REPOSITORY / "mfcli/docs/operations.md").read_text("utf-8")
BELOW = ("/opt/", "/src", "/srv/", "/tmp")  # what leads into the root


def steps() -> list[tuple[str, str]]:
    """Return (instruction, argument) of the page's Dockerfile."""
    (text,) = re.findall(r"^```dockerfile\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [(name, rest) for name, rest in (line.split(" ", 1) for line in text.splitlines())]


def argument(name: str) -> str:
    (found,) = (rest for instruction, rest in steps() if instruction == name)
    return found


def night_script() -> str:
    """Return night.sh, as the page has it."""
    (text,) = re.findall(r"^```sh\n(set -e\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_the_dockerfile_is_what_is_promised():
    """Non-root, kernels compiled as the image is built, in a folder that later processes know."""
    names = [name for name, _ in steps()]
    assert names[0] == "FROM"
    assert names.index("USER") > max(at for at, name in enumerate(names) if name == "RUN")
    assert argument("USER") not in ("0", "root")
    assert "NUMBA_CACHE_DIR=" in argument("ENV")
    assert any("mfcli warm-up" in rest for name, rest in steps() if name == "RUN")


class Image:
    """A root that the Dockerfile's commands are run in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("bin", "opt", "srv/shop", "tmp", "site"):
            (root / folder).mkdir(parents=True)
        tool = root / "bin/mfcli"
        tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m mfcli "$@"\n')
        tool.chmod(0o755)

    def inside(self, text: str) -> str:
        """Lead absolute paths below the root."""
        places = "|".join(map(re.escape, BELOW))
        return re.sub(rf"(?<![\w./])(?={places})", str(self.root), text)

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the caller's, so no HOME either."""
        given = dict(it.split("=", 1) for it in shlex.split(self.inside(argument("ENV"))))
        return given | {
            "PATH": f"{self.root}/bin:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": f"{self.root}/site",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": f"{self.root}/tmp",
        }

    def run(self, command: str, user: int | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", self.inside(command)],
            cwd=self.inside(argument("WORKDIR")),
            env=self.environment,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            capture_output=True,
            text=True,
            check=False,
        )

    def user(self) -> int | None:
        """Return the user of the page, where one may become that one and it finds mfcli."""
        if os.geteuid() != 0:
            return None
        found = int(argument("USER"))
        return found if self.run("mfcli --version", found).returncode == 0 else None

    def files(self) -> set[Path]:
        """Return what is there outside the volume and /tmp, which is a file system of its own."""
        own = {self.root / "srv/shop", self.root / "tmp"}
        return {path for path in self.root.rglob("*") if not own & {path, *path.parents}}


@pytest.mark.slow
def test_the_commands_of_the_dockerfile_work_in_a_clean_root():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        build_and_run(Image(Path(folder) / "root"))


def build_and_run(image: Image) -> None:
    shutil.copytree(
        REPOSITORY / "mfcli",
        image.root / "src/mfcli",
        ignore=shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc"),
    )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, image.root / "src" / name)
    for name, command in steps():
        if name != "RUN" or command.startswith("useradd "):
            continue
        words = shlex.split(command)
        if words[:2] == ["pip", "install"]:
            shutil.copytree(image.root / "src/mfcli", image.root / "site/mfcli")
            continue
        done = image.run(command)
        assert done.returncode == 0, done.stderr
    rows = [f"{user},{item}" for user in range(1200) for item in range(30)
            if (7 * user + item * item) % 11 < 4]  # fmt: skip
    shop = image.root / "srv/shop"
    (shop / "clicks.csv").write_text("user,item\n" + "\n".join(rows) + "\n")
    (shop / "night.sh").write_text(night_script())
    user = image.user()
    if user is not None:
        for path in (shop, *shop.iterdir(), image.root / "tmp"):
            os.chown(path, user, user)
    for path in (image.root / "opt").rglob("*"):
        path.chmod(path.stat().st_mode & ~0o222)
    before = image.files()
    done = image.run(shlex.join(json.loads(argument("CMD"))), user)
    assert done.returncode == 0, done.stderr
    assert "compiling kernels" not in done.stderr
    assert (shop / "recs.csv").read_text().startswith("user_id,item_id,rank,score\n")
    assert image.files() == before, "something was written outside the volume"
