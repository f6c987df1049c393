"""Imports go one way: each module may import what lies below it."""

from __future__ import annotations

import ast
import functools
import re
import sys
from pathlib import Path

import pytest

import mfcli

ROOT = Path(mfcli.__file__).parent

# From the bottom up. A room may import from itself and from the rooms below it; a new room needs
# a place here.
LAYERS: tuple[str, ...] = (
    "mfcli",
    "wording",
    "codes",
    "errors",
    "events",
    "results",
    "config",
    "system",
    "kernels",
    "data",
    "artifacts",
    "watching",  # as a subscriber of events
    "sources",
    "models",
    "ranking",
    "evaluation",
    "training",
    "tuning",
    "scoring",
    "publishing",
    "report",
    "nights",
    "inspecting",
    "console",  # shows events and results, knows no stage
    "api",
    "stages",
    "cli",
    "__main__",
)
LOWEST = ("mfcli", "wording", "codes", "errors", "events", "results", "config", "system")
HEIGHT = {room: height for height, room in enumerate(LAYERS)}


def modules() -> dict[str, Path]:
    """Map every module of the package to its file."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("mfcli", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
MACHINE_CODE = {"dense", "lanes", "memory", "products", "vectors"}  # kernels that emit LLVM's own


@functools.cache
def tree_of(module: str) -> ast.Module:
    """Return a module's syntax tree: parsed by the process that runs these tests, once."""
    return ast.parse(MODULES[module].read_text("utf-8"))


@functools.cache
def imports_of(module: str) -> set[str]:
    """Return the full names of all that a module imports, within functions too."""
    found: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import hides where it goes"
            assert node.module is not None
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else node.module)
    return found


def is_package(module: str) -> bool:
    return MODULES[module].name == "__init__.py"


def room(module: str) -> str:
    """Return the room of a module: ``mfcli.sources.readers.table`` lies in readers."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "mfcli"


def modules_of(where: str) -> list[str]:
    """Return the modules of a room."""
    return [module for module in MODULES if room(module) == where]


def inner(module: str) -> set[str]:
    return {other for other in imports_of(module) if other.split(".")[0] == "mfcli"}


def outer(module: str) -> set[str]:
    return {other.split(".")[0] for other in imports_of(module)} - {"mfcli", "__future__"}


def test_all_modules_are_found() -> None:
    assert {"mfcli", "mfcli.cli", "mfcli.stages.train", "mfcli.kernels"} <= set(MODULES)


def test_every_room_has_a_place() -> None:
    assert {room(module) for module in MODULES} <= set(HEIGHT), "give it a place in LAYERS"


@pytest.mark.parametrize("where", LAYERS)
def test_what_a_module_imports_of_the_package_exists(where: str) -> None:
    """An import within a function would fail only when a user gets there."""
    for module in modules_of(where):
        assert inner(module) <= set(MODULES), module


@pytest.mark.parametrize("where", LAYERS)
def test_a_module_imports_from_its_layer_or_below(where: str) -> None:
    for module in modules_of(where):
        upward = {other for other in inner(module) if HEIGHT[room(other)] > HEIGHT[where]}
        assert not upward, f"{module} imports from above: {sorted(upward)}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Two modules that need each other are one module, or a third is missing below them."""
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join([*path[path.index(module) :], module])
        if module in done:
            return
        # Importing a module runs the __init__ of its package; that is no tie of its own.
        for other in (inner(module) - {module}) & set(MODULES):
            visit(other, (*path, module))
        done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        (
            "typer",
            {
                f"mfcli.cli.{name}"
                for name in ("app", "commands", "helping", "looking", "nights", "options", "runs")
            },
        ),
        (
            "rich",
            {f"mfcli.console.{name}" for name in ("folding", "pages", "screen", "sheets")},
        ),
        ("numba", {f"mfcli.kernels.{name}" for name in MACHINE_CODE | {"compilation"}}),
        ("llvmlite", {f"mfcli.kernels.{name}" for name in MACHINE_CODE}),
    ],
)
def test_a_library_is_imported_in_its_place_only(library: str, allowed: set[str]) -> None:
    assert {module for module in MODULES if library in outer(module)} <= allowed


def test_nothing_but_main_imports_the_command_line() -> None:
    assert {room(module) for module in MODULES if "cli" in map(room, inner(module))} == {
        "__main__",
        "cli",
    }


def test_nothing_but_the_faces_imports_the_console() -> None:
    """Commands show what comes; so does the API where somebody asks for progress."""
    rooms = {room(module) for module in MODULES if "console" in map(room, inner(module))}
    assert rooms == {"console", "cli", "api"}


def test_the_console_knows_results_only() -> None:
    rooms = {
        room(other) for module in MODULES if room(module) == "console" for other in inner(module)
    }
    assert rooms <= {"codes", "config", "console", "events", "results", "system", "wording"}


def test_the_command_line_reaches_data_through_stages_only() -> None:
    """A command is options → one call of a stage → exit status."""
    rooms = {room(other) for module in MODULES if room(module) == "cli" for other in inner(module)}
    assert rooms <= {
        "mfcli",
        "cli",
        "codes",
        "config",
        "errors",
        "events",
        "results",
        "system",
        "console",
        "stages",
        "watching",
        "wording",
    }


@pytest.mark.parametrize("where", LOWEST)
def test_the_lowest_rooms_need_the_standard_library_only(where: str) -> None:
    allowed = {
        "mfcli": set(),
        "wording": set(),
        "codes": set(),
        "errors": {"codes"},
        "events": {"codes"},
        "results": {"results"},
        "config": {"codes", "config", "errors"},
        "system": {"codes", "errors", "events", "system", "wording"},
    }
    for module in modules_of(where):
        assert outer(module) <= set(sys.stdlib_module_names), module
        assert {room(other) for other in inner(module)} <= allowed[where], module


def test_the_package_itself_imports_nothing_but_what_is_asked_for() -> None:
    assert imports_of("mfcli") <= {"importlib"}


def test_an_engine_sees_no_path() -> None:
    """What is read and written is the stage's business."""
    engines = [module for module in MODULES if module.startswith("mfcli.training.engines")]
    assert engines
    for module in engines:
        assert "pathlib" not in outer(module), module
        assert not {room(other) for other in inner(module)} & {"artifacts", "sources"}, module


@pytest.mark.parametrize(
    "module",
    [
        "data.splitting",
        "evaluation.metrics",
        "models.arrays",
        "models.modules",
        "models.objectives",
        "models.sampling",
        "ranking.catalogue",
        "ranking.candidates",
    ],
)
def test_what_computes_sees_no_file(module: str) -> None:
    assert not outer(f"mfcli.{module}") & {"pathlib", "os", "io"}
    assert not {room(other) for other in inner(f"mfcli.{module}")} & {"artifacts", "sources"}


@pytest.mark.parametrize("library", ["torch", "numba", "scipy", "pandas", "numpy", "pyarrow"])
def test_help_imports_nothing_heavy(library: str) -> None:
    """What cli imports at module level, and what that imports in turn, computes nothing."""

    def at_load(module: str) -> set[str]:
        names: set[str] = set()
        for node in tree_of(module).body:
            if isinstance(node, ast.Import):
                names |= {other.name for other in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{other.name}" for other in node.names)}
        return names

    seen: set[str] = set()
    waiting = ["mfcli.cli"]
    while waiting:
        module = waiting.pop()
        if module not in MODULES or module in seen:
            continue
        seen.add(module)
        names = at_load(module)
        assert library not in {other.split(".")[0] for other in names}, module
        waiting += names


def names_in(module: str) -> set[str]:
    """Return the words of a module's docstring that may be the name of a module."""
    docstring = ast.get_docstring(tree_of(module)) or ""
    return set(re.findall(r"\b[a-z][a-z0-9_]*\b", docstring))


def test_the_map_of_the_package_names_every_room_in_the_order_of_the_layers() -> None:
    docstring = ast.get_docstring(tree_of("mfcli")) or ""
    named = re.findall(r"^([a-z]+) {2,}\S", docstring, re.MULTILINE)
    assert named == [layer for layer in LAYERS if layer not in ("mfcli", "__main__")] + ["docs"]


@pytest.mark.parametrize("package", [name for name in MODULES if is_package(name)])
def test_a_room_says_what_each_of_its_modules_holds(package: str) -> None:
    inside = {name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == package}
    assert inside - {"__main__"} <= names_in(package)
