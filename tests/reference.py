"""Writes two pages of mfcli/docs from what is declared.

reference.md has every command, argument and option; warnings.md has every code of a warning.

python -m tests.reference        # or: make docs
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from mfcli.cli import app
from mfcli.cli.helping import ABOUT, about_of, argument_name, called, default_of, panels, usage
from mfcli.cli.options import About
from mfcli.codes import WARNINGS
from mfcli.config.gates import GATES, Bound
from mfcli.config.metrics import METRICS, MetricKind

PATH = Path(__file__).parent.parent / "mfcli/docs/reference.md"
WARNINGS_PATH = PATH.with_name("warnings.md")
HEAD = """# Reference: every option of every command

This page is generated from the options' declarations (`make docs`). Options of `fetch`, `split`,
`train`, `tune`, `evaluate` and `recommend` may also stand in a file that `--config` names, in the
table of the command's name, without the dashes: `--batch-size 1024` is `batch-size = 1024`.
"""

WARNINGS_HEAD = """# Warnings: what each code means

A warning is one line on standard error that ends in its code, and is given once a run:

```text
warning: --objective bpr takes every row as a like, and the values differ (1 to 5): … [W-positives]
```

- `--json` repeats them, beside an error as well: `"warnings": [{"code": "W-cold", "text": "…"}]`.
- `--ignore W-positives` gives none of that code, neither on the terminal nor in `--json`; it may be
  repeated. In a file that `--config` names, `ignore = ["W-positives"]` stands at the top, or in the
  table of one stage. So a nightly job mails what is new. Errors cannot be silenced.
- `--quiet` leaves what needs a person, and drops what is marked as advice.
- An option that answers a warning silences it: `--confidence none` says that all values weigh the
  same.
- From Python they are warnings of the class `mfcli.errors.MfcliWarning` with a `code`;
  `ignore=["W-positives"]` of `read`, `fit`, `evaluate` and `model.recommend` gives none of that
  code.

This page is generated from `mfcli/codes.py` (`make docs`).
"""


def option_help(option: Any, about: About) -> str:
    """Return the help of an option, what can be chosen, and its default where it has one."""
    text = str(option.help)
    if option.required:
        text += " Required."
    if about.words:
        words = (
            f"{word} ({meaning})" if meaning else word for word, meaning in about.words.items()
        )
        text += f" One of: {', '.join(words)}."
    default = default_of(option)
    return (f"{text} Default: {default}." if default else text).replace("|", "\\|")


def command_section(name: str, command: Any) -> Iterator[str]:
    """Yield the lines of one command: usage, arguments, and a table of options for each panel."""
    yield f"## {name}\n"
    yield f"{command.help}\n"
    yield f"```text\n{usage(name, command.params)}\n```\n"
    for parameter in command.params:
        if parameter.param_type_name == "argument" and parameter.help:
            yield f"`{argument_name(parameter)}`: {parameter.help}\n"
    about = ABOUT[name]
    for panel, options in panels(command, about).items():
        yield f"| {panel} | |\n|---|---|"
        for option in options:
            names = called(option).replace("|", "\\|")
            yield f"| `{names}` | {option_help(option, about_of(option, about))} |"
        yield ""


def metrics_section() -> Iterator[str]:
    """Yield the lines of the table of metrics, as they describe themselves."""
    yield "## Metrics\n"
    yield "What `--metric` takes; the metrics of lists as `name@k`.\n"
    yield "| metric | is | of one user, or of all test rows | better |"
    yield "|---|---|---|---|"
    for name, entry in METRICS.items():
        shown = f"{name}@k" if entry.kind is MetricKind.list else name
        formula = entry.formula.replace("|", "\\|")
        yield f"| `{shown}` | {entry.label} | {formula} | {entry.better.value} |"


def gates_section() -> Iterator[str]:
    """Yield the lines on the gates of a night."""
    yield "## Gates\n"
    yield "The keys of `[nightly.gates]`. `KEY = NUMBER` sets the bound of the third column,"
    yield "`false` turns the gate off, and `KEY = { BOUND = NUMBER, … }` sets several. `least` and"
    yield "`most` bound the figure itself, others hold it against the last generation. Any metric"
    yield "is a key too.\n"
    yield "| key | figure | a number sets | default | other bounds |"
    yield "|---|---|---|---|---|"
    for gate, entry in GATES.items():
        shown = ", ".join(f"{bound} {_limit(bound, it)}" for bound, it in entry.defaults.items())
        others = ", ".join(
            bound for bound in entry.bounds if bound not in {entry.plain, *entry.defaults}
        )
        yield f"| `{gate}` | {entry.help} | {entry.plain} | {shown or 'off'} | {others} |"
    metric = "a metric of the night's evaluation"
    yield f'| `"ndcg@10"` | {metric} | least; most where less is better | off | worse |'


def _limit(bound: Bound, limit: float) -> str:
    return "" if bound is Bound.same else f"{limit:g}"


def reference() -> str:
    """Return the page."""
    commands = get_command(app).commands  # type: ignore[attr-defined]
    sections = (
        "\n".join(command_section(name, command)).rstrip() for name, command in commands.items()
    )
    tables = ("\n".join(lines).rstrip() for lines in (metrics_section(), gates_section()))
    return "\n\n".join([HEAD.rstrip(), *sections, *tables]) + "\n"


def warnings_page() -> str:
    """Return the page on warnings."""
    rows = [
        f"| `{code}` | {about.meaning} | {about.mend} | {'yes' if about.advice else ''} |"
        for code, about in WARNINGS.items()
    ]
    table = ["| code | what was found | what to do | advice |", "|---|---|---|---|", *rows]
    return "\n".join([WARNINGS_HEAD, *table]) + "\n"


if __name__ == "__main__":
    WARNINGS_PATH.write_text(warnings_page(), "utf-8")
    PATH.write_text(reference(), "utf-8")
