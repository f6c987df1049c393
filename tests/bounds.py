"""The lower bounds of pyproject.toml, and the versions of the lock.

``python -m tests.bounds`` prints what ``make test-oldest`` installs: the lowest version that is
allowed of each package that mfcli depends on, and the locked one of each tool.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
_BOUND = re.compile(r"([A-Za-z0-9_.-]+)>=([0-9.]+)")
_PIN = re.compile(r"'?([A-Za-z0-9_.-]+)==([^'\s]+)'?")


def bounds(*, tools: bool = False) -> dict[str, str]:
    """Return the lowest version of each package that is needed, or of each tool of a developer."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = told["project"]["optional-dependencies"]
    needed = told["project"]["dependencies"] + extras["dask"] + told["build-system"]["requires"]
    lines = extras["dev"] if tools else needed
    found = (_BOUND.fullmatch(line) for line in lines)
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def pins() -> dict[str, str]:
    """Return the version of each package that ``make setup`` installs."""
    lines = (ROOT / ".requirements.lock").read_text().splitlines()
    makefile = (ROOT / "Makefile").read_text()
    lines += re.findall(r"^TORCH = (\S+)$", makefile, re.MULTILINE)
    found = (_PIN.fullmatch(line) for line in lines)
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def oldest() -> list[str]:
    """Return the lines of a file of constraints; torch is installed before."""
    locked = pins()
    kept = {name: locked[name] for name in bounds(tools=True) if name in locked}
    lowest = {name: of for name, of in bounds().items() if name not in ("torch", "setuptools")}
    return [f"{name}=={of}" for name, of in sorted({**kept, **lowest}.items())]


if __name__ == "__main__":
    print("\n".join(oldest()))  # noqa: T201
