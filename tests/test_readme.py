"""The README and the pages of ``mfcli/docs`` say what is there, and their command lines work.

Commands are run up to the call of their stage. What a shell runs beside mfcli (dask, pip, systemd)
is not run here.
"""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mfcli import errors
from mfcli.cli import app
from mfcli.cli.guides import GUIDES
from mfcli.config.choices import Engine, Mode, ModelKind, Objective
from mfcli.config.files import load_config, preset_names
from mfcli.config.metrics import METRICS
from mfcli.sources.datasets import DATASETS
from tests.reference import reference, warnings_page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "mfcli/docs"
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {
    "README.md": README,
    **{f"mfcli/docs/{path.name}": path.read_text("utf-8") for path in sorted(DOCS.glob("*.md"))},
}
# These are generated, so they cannot show that a page names an option.
GENERATED = {"mfcli/docs/reference.md", "mfcli/docs/warnings.md"}
WRITTEN = {name: text for name, text in PAGES.items() if name not in GENERATED}
ALL_TEXT = "\n".join(WRITTEN.values())
COMMANDS = [
    command.callback.__name__ for command in app.registered_commands if command.callback is not None
]
# Options of other programs that the pages call: pip, make quality, Dask.
OPTIONS_ELSEWHERE = {
    "--editable",
    "--constraint",
    "--peers",
    "--host",
    "--port",
    "--protocol",
    "--no-dashboard",
    "--nthreads",
    "--tls-ca-file",
    "--tls-cert",
    "--tls-key",
    "--quick",  # make bench
    "--with",  # uv tool install
    "--no-cache-dir",  # pip, useradd, docker, journalctl
    "--uid",
    "--no-create-home",
    "--rm",
    "--read-only",
    "--tmpfs",
    "--no-pager",
    "--collector",  # node_exporter
}


def options_of_commands() -> set[str]:
    from typer.main import get_command

    found = {"--help"}
    group = get_command(app)
    for command in (group, *group.commands.values()):  # type: ignore[attr-defined]
        for parameter in command.params:
            found.update(parameter.opts + parameter.secondary_opts)
    return found


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield (language, content) of the fenced blocks of a page."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def command_lines() -> Iterator[tuple[str, str]]:
    """Yield (page, command) of the mfcli commands in fenced blocks of shells, and in help."""
    for page, text in WRITTEN.items():
        for language, content in blocks(text):
            if language not in ("sh", "cron", "ini", "make", "dockerfile"):
                continue
            for line in content.replace("\\\n", " ").splitlines():
                for part in line.split("&&"):
                    called = re.search(r"(?:^|\s|/)(mfcli .*)$", part)
                    if called:
                        yield page, called[1].strip()
    for command, guide in GUIDES.items():
        for line, _ in guide.examples:
            yield f"{command} -h", line[line.index("mfcli") :]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command):
    assert f"mfcli {command.replace('_', '-')}" in README


class StageReachedError(Exception):
    """A command line was accepted: its stage was called."""


def test_every_command_line_of_the_pages_is_valid(cli, monkeypatch, tmp_path):
    """Each is run up to its stage: options exist, values have their type, combinations can work."""

    def stage(*_: Any, **__: Any) -> None:
        raise StageReachedError

    for command in COMMANDS:  # all first: a stage must not keep another's stub for good
        importlib.import_module(f"mfcli.stages.{command}")
    for command in COMMANDS:
        monkeypatch.setattr(f"mfcli.stages.{command}.{command}", stage)
    for name in ("list_generations", "roll_back", "changes_since", "forget_users"):
        monkeypatch.setattr(f"mfcli.stages.generations.{name}", stage)
    (tmp_path / "shop.toml").write_text('[nightly]\nsource = "c.csv"\nfolder = "shop"\n')
    for name in ("best.toml", "model.toml"):
        (tmp_path / name).write_text("[train]\nfactors = 8\n")
    monkeypatch.chdir(tmp_path)
    lines = list(command_lines())
    assert len(lines) > 40
    for page, line in lines:
        expanded = line.replace("$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT", "1/4")
        words = shlex.split(expanded.replace("$@", "recs.csv"), comments=True)
        result = cli(*words[1:], raises=StageReachedError)
        assert isinstance(result.exception, StageReachedError), f"{page}: {line}\n{result.stderr}"


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_a_page_names_exists(page):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", PAGES[page]))
    assert named <= options_of_commands() | OPTIONS_ELSEWHERE


@pytest.mark.parametrize(
    "word",
    [
        *Mode,
        *ModelKind,
        *Objective,
        *Engine,
        *preset_names(),
        *DATASETS,
        *METRICS,
    ],
)
def test_every_name_that_can_be_chosen_is_on_a_page(word):
    assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", ALL_TEXT)


def test_every_configuration_of_the_pages_is_valid(tmp_path):
    found = [
        content for text in WRITTEN.values() for name, content in blocks(text) if name == "toml"
    ]
    assert found
    for content in found:
        path = tmp_path / "page.toml"
        path.write_text(content)
        assert load_config(path) == tomllib.loads(content)


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_of_a_page_exists(page):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"(?:^(?:    )?|`)make ([a-z-]+)", PAGES[page], re.MULTILINE))
    if page == "README.md":
        assert {"demo", "test", "test-slow"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_table_of_exit_statuses_is_that_of_the_errors():
    rows = {
        int(status)
        for status in re.findall(r"^\| (\d+) \| ", PAGES["mfcli/docs/operations.md"], re.MULTILINE)
    }
    statuses = {
        kind.exit_status
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.MfcliError)
    }
    assert rows == statuses | {0}


def test_every_link_leads_to_a_page_and_a_heading():
    def anchor(heading: str) -> str:
        return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")

    linked = set()
    for name, text in PAGES.items():
        for path, _, place in re.findall(r"\]\((?!https?:)([^)#\s]*)(#([^)]*))?\)", text):
            target = ((ROOT / name).parent / path).resolve() if path else ROOT / name
            assert target.is_file(), f"{name}: {path}"
            linked.add(target)
            if place:
                headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
                assert place in {anchor(heading) for heading in headings}, f"{name}: {place}"
    there = {*DOCS.glob("*.md"), *DOCS.glob("*.svg")}
    assert linked == there, "the README leads to every page and picture"


def test_every_page_that_is_named_by_its_path_exists():
    for path in re.findall(r"mfcli/docs/[\w-]+\.md", "\n".join(PAGES.values())):
        assert (ROOT / path).is_file(), path


def test_every_file_and_table_that_the_guide_to_extending_names_exists():
    guide = PAGES["mfcli/docs/extending.md"]
    paths = re.findall(r"`((?:mfcli|tests)/[\w/.]+)`", guide)
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists(), path
    for name, path in re.findall(r"`([A-Z]\w+)` (?:in|\()\s*`(mfcli/[\w/.]+\.py)`", guide):
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text("utf-8")), (name, path)


def test_the_pages_are_part_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "docs/*.md" in project["tool"]["setuptools"]["package-data"]["mfcli"]


def test_the_reference_is_generated_from_the_options():
    written = PAGES["mfcli/docs/reference.md"]
    assert written == reference(), "options have changed: make docs writes the page anew"
    written = PAGES["mfcli/docs/warnings.md"]
    assert written == warnings_page(), "codes have changed: make docs writes the page anew"


def test_the_readme_is_short_and_its_figures_are_those_of_the_pages():
    assert len(README.splitlines()) <= 200
    results = README.partition("## Results\n")[2].partition("\n## ")[0]
    measured = PAGES["mfcli/docs/quality.md"] + PAGES["mfcli/docs/speed.md"]
    figures = re.findall(r"\d+\.\d{4}", results)
    assert len(figures) >= 5
    assert not [figure for figure in figures if figure not in measured]


def test_every_part_of_make_quality_and_make_bench_that_a_page_names_exists():
    documented = re.findall(
        r"^([a-z]+) {2,}\S",
        (ROOT / "tests/benchmarks/quality/__main__.py").read_text("utf-8"),
        re.MULTILINE,
    )
    benches = {path.stem.removeprefix("bench_") for path in ROOT.glob("tests/benchmarks/bench_*")}
    named = re.findall(r"(QUALITY|BENCH)=(?:'([^']*)'|(\w+))", re.sub(r"\s+", " ", ALL_TEXT))
    assert len(named) >= 8
    for variable, quoted, word in named:
        parts = re.match(r"(?:[a-z]\w*\s*)*", quoted or word)
        assert parts is not None
        known = documented if variable == "QUALITY" else benches
        assert set(parts[0].split()) <= set(known)
        assert parts[0].split()


def test_the_top_level_holds_what_it_should():
    """Besides dotfiles, only what a newcomer looks for."""
    allowed = {
        "pyproject.toml",
        "mfcli",
        "tests",
        "data",
        "artifacts",
        "Makefile",
        "README.md",
        "CHANGELOG.md",
        "mfcli_recommender.egg-info",
        "build",
        "dist",
    }
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert there <= allowed
