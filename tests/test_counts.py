"""Counts are said with ``wording.counted``: no message has "1 rows" in it."""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import mfcli

PACKAGE = Path(mfcli.__file__).parent
# What messages count. It stands behind a number, or an adjective or two behind it.
NOUNS = (
    "bytes|candidates|cells|characters|columns|cores|days|entries|epochs|factors|files|folds|"
    "generations|groups|hours|histories|ids|items|layers|lines|models|names|negatives|nights|"
    "numbers|options|pairs|parts|points|positives|ratings|resamples|rounds|rows|runs|seconds|"
    "sources|steps|tasks|threads|times|trials|users|values|warnings|windows|workers"
)
NO_ADJECTIVE = "and|are|from|has|have|holds|in|is|keeps|leaves|names|no|of|should|to|whose|with"
COUNT = re.compile(rf"(?: (?!(?:{NO_ADJECTIVE})\b)[a-z-]+){{0,2}}? ({NOUNS})\b")
# What looks like a count and is none: a name before a verb or before its noun, a verb.
NAMES = {"held", "name", "path", "what", "where", "whose", "self.what", "name.replace('_', '-')"}
# Numbers that are never 1, by file and expression, each with its reason.
NEVER_ONE = {
    ("config/split.py", "self.folds"): "two folds are the fewest",
    ("data/sample.py", "n_items"): "n_users × n_items pairs",
    ("artifacts/checkpoint.py", "found.n_items"): "rows × rows, the shape of two tables",
    (
        "evaluation/protocol.py",
        "config.resamples",
    ): "metrics.json has it, and runs are compared by it",
    ("evaluation/protocol.py", "config.sampled"): "as resamples",
    ("report/results.py", "count"): "a text out of a file",
}


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Return the modules of the package by their names in it."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {str(path.relative_to(PACKAGE)): ast.parse(path.read_text("utf-8")) for path in paths}


def is_figure(number: ast.FormattedValue) -> bool:
    """Tell whether it is counted already, or has decimals: 1.0 times."""
    decimals = number.format_spec is not None and "." in ast.unparse(number.format_spec)
    return decimals or ast.unparse(number.value).startswith("counted(")


def plurals(tree: ast.AST) -> Iterator[tuple[ast.FormattedValue, str]]:
    """Yield the numbers of f-strings that a plural follows; constants are not asked."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for number, text in zip(node.values, node.values[1:], strict=False):
            if (
                isinstance(number, ast.FormattedValue)
                and isinstance(text, ast.Constant)
                and number.conversion == -1
                and not is_figure(number)
                and COUNT.match(str(text.value))
                and not re.fullmatch(r"_?[A-Z_]+", ast.unparse(number.value))
            ):
                yield number, str(text.value)


def test_what_is_counted_can_be_one():
    found = [
        f"{name}:{number.lineno}: {ast.unparse(number)}{text[:40]!r}"
        for name, tree in modules().items()
        for number, text in plurals(tree)
        if ast.unparse(number.value) not in NAMES
        and (name, ast.unparse(number.value)) not in NEVER_ONE
    ]
    assert not found, "say it with wording.counted: " + "; ".join(found)


def test_what_is_excepted_is_still_there():
    for name, expression in NEVER_ONE:
        numbers = plurals(modules()[name])
        assert expression in {ast.unparse(number.value) for number, _ in numbers}, name


def test_a_plural_is_found():
    found = [text for _, text in plurals(ast.parse('f"{n} rows; {n:,} other items; {BIG} bytes"'))]
    assert found == [" rows; ", " other items; "]


def test_the_verb_of_a_part_is_the_parts():
    """1 of 5 rows is, 2 of 5 rows are: ``wording.part_of`` says so."""
    found = []
    for node in itertools.chain.from_iterable(map(ast.walk, modules().values())):
        if not isinstance(node, ast.JoinedStr):
            continue
        texts = [str(it.value) if isinstance(it, ast.Constant) else "{}" for it in node.values]
        found += re.findall(
            r"\{\} of (?:its |the )?\{\}(?: (?!that\b)[a-z]+)* (?:are|have|were|lack)\b",
            "".join(texts),
        )
    assert not found
