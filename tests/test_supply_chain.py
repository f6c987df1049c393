"""What is installed beside mfcli: no version with a published hole that reaches us is let in."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from packaging.version import Version

from tests.bounds import ROOT, bounds, oldest, pins


@dataclass(frozen=True)
class Advisory:
    """A published hole: of which package, the first version without it, and how it reaches us."""

    package: str
    number: str
    mended: str
    reach: str


ADVISORIES = (
    Advisory(
        "torch",
        "CVE-2025-32434",
        "2.6.0",
        "a hostile model, for who opens it by torch.load; mfcli does not",
    ),
    Advisory(
        "torch",
        "CVE-2026-24747",
        "2.10.0",
        "a hostile model, for who opens it by torch.load; mfcli does not",
    ),
    Advisory("requests", "CVE-2024-35195", "2.32.0", "certificates of a pool of connections"),
    Advisory("requests", "CVE-2024-47081", "2.32.4", "a .netrc's password goes to another host"),
    Advisory("requests", "CVE-2026-25645", "2.33.0", "a file of /tmp in place of certificates"),
    Advisory("urllib3", "CVE-2025-66418", "2.6.0", "an answer in many encodings fills the memory"),
    Advisory("urllib3", "CVE-2025-66471", "2.6.0", "a compressed answer fills the memory"),
    Advisory("urllib3", "CVE-2026-21441", "2.6.3", "the body of a redirect fills the memory"),
    Advisory("pyarrow", "CVE-2023-47248", "14.0.1", "code in a Parquet file of a source"),
    Advisory("pyarrow", "CVE-2026-25087", "23.0.1", "a use after free in Arrow's files"),
    Advisory("distributed", "CVE-2026-23528", "2026.1.0", "code by the dashboard of a cluster"),
    Advisory("joblib", "CVE-2022-21797", "1.2.0", "code in the arguments of Parallel"),
    Advisory("setuptools", "CVE-2024-6345", "70.0.0", "code by a link, where wheels are built"),
    Advisory("setuptools", "CVE-2025-47273", "78.1.1", "files elsewhere, where wheels are built"),
)


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda it: f"{it.package}-{it.number}")
def test_no_version_with_a_published_hole_is_let_in(advisory: Advisory) -> None:
    lowest, locked = bounds()[advisory.package], pins().get(advisory.package)
    assert Version(lowest) >= Version(advisory.mended), advisory.reach
    assert locked is None or Version(locked) >= Version(lowest)


def test_the_lock_has_every_package_that_is_needed_within_its_bounds() -> None:
    locked = pins()
    for name, lowest in {**bounds(), **bounds(tools=True)}.items():
        if name == "setuptools":  # pip builds with the newest that there is
            continue
        assert Version(locked[name]) >= Version(lowest), name


def test_the_oldest_versions_are_the_bounds_themselves() -> None:
    lines = dict(line.split("==") for line in oldest())
    assert lines["numpy"] == bounds()["numpy"]
    assert "torch" not in lines
    assert lines["pytest"] == pins()["pytest"]
    makefile = (ROOT / "Makefile").read_text()
    assert f"TORCH_OLDEST ?= torch=={bounds()['torch']}.0\n" in makefile


def test_no_page_installs_by_the_name_that_is_another_tools() -> None:
    """On the public index mfcli is not ours."""
    pages = [ROOT / "README.md", ROOT / "Makefile", *(ROOT / "mfcli").rglob("*.md")]
    pages += (ROOT / "mfcli").rglob("*.py")
    wrong = re.compile(r"(pip|pipx|uv)( tool)? install [^\n]*(?<![-/\w])mfcli(?![-_/\w.])")
    for page in pages:
        assert not wrong.search(page.read_text()), page
