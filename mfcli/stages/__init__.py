"""One module for each command: load → pure call → save → return a result. A stage never prints.

fetch, split, train, tune, evaluate, recommend, similar, export, inspect, report, run, warm_up
nightly: a night as one transaction; night: its stages; steps: each timed, or taken over
generations: list, roll back, compare, forget
resuming: what a training keeps beside its model, and goes on from
budget: the search before a training with --budget
refit: what run does after an evaluation, training on everything
contact: what lies in a folder, and which command goes on from it
doctor: this machine, and what to do about it
help: the pages of documentation; known: names that can be given
telling: what a stage says of itself to a log or a monitor
trials: the list of a search's trainings, which tune goes on from
suiting: defaults of run that suit the data
"""

from __future__ import annotations

# The commands that read or write tables, which Arrow does.
_OF_TABLES = frozenset(
    ("fetch", "recommend", "similar", "evaluate", "export", "report", "run", "nightly")
)


def prepare(command: str) -> None:
    """Prepare this process for a command and no other work."""
    if command in _OF_TABLES:
        from mfcli.artifacts.native import leave_pandas_out

        leave_pandas_out()
