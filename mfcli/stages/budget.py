"""``train --budget``: the search before the training, and OUT.toml, which repeats its choice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mfcli.artifacts import atomic_file, refuse_input_as_output
from mfcli.config import TrainConfig
from mfcli.data.interactions import Interactions
from mfcli.errors import DivergedError, InterruptedRunError, UsageError
from mfcli.events import OnEvent
from mfcli.system import clock
from mfcli.tuning.settings import settings_text, whole_options

if TYPE_CHECKING:  # a training without a budget does without
    from mfcli.tuning.plan import Follows

# The matrix, validation rows where there are some of their own, what is known of their users.
Rows = tuple[Interactions, Interactions | None, Interactions | None]


@dataclass(frozen=True)
class Search:
    """What a training is to follow, and where its settings are written if a search chose them."""

    config: TrainConfig
    settings: Path | None = None
    header: tuple[str, ...] = ()

    @property
    def evidence(self) -> dict[str, Any]:
        """How the options were chosen; empty without a search."""
        return {} if self.settings is None else self.config.evidence[0]

    def write(self, last_epoch: int | None = None) -> None:
        """Write the file with which ``train --config`` makes the same model, if there was a search.

        last_epoch: where a limit of time ended the training, else None.
        """
        if self.settings is None:
            return
        options = whole_options(self.config.recipe())
        if last_epoch is not None:
            options["last_epoch"] = last_epoch
        with atomic_file(self.settings) as stream:
            stream.write(settings_text(options, self.header, self.evidence).encode())

    @contextmanager
    def repeatable(self) -> Iterator[None]:
        """Write the settings where a training breaks off too, and say that they are there."""
        try:
            yield
        except (InterruptedRunError, DivergedError) as error:
            self.write()
            if self.settings is None:
                raise
            raise type(error)(f"{error}; --config {self.settings} has its options") from None


def search_in_time(
    load: Callable[[], Rows],
    source: Path,
    out: Path,
    config: TrainConfig,
    on_event: OnEvent,
    follows: Follows | None,
) -> Search:
    """Search if the configuration has a budget; else there is no choice.

    load: reads the matrix ``source``, validation rows, and what is known of their users. Raises
    UsageError, InputError.
    """
    if config.budget is None:
        return Search(config)
    from mfcli.tuning.choosing import choose_in_time

    began = time.perf_counter()
    whole, valid, history = load()
    found = choose_in_time(
        whole,
        valid,
        config,
        history=history,
        name=str(source),
        spent=clock.since_begin(),
        reading=time.perf_counter() - began,
        follows=follows,
        on_event=on_event,
    )
    return Search(found.config, _settings_path(out), tuple(found.header))


def check_settings(source: Path, out: Path, config: TrainConfig) -> None:
    """Refuse, with UsageError, to write the settings of a search over something else."""
    if config.budget is None:
        return
    path = _settings_path(out)
    if path == out:
        raise UsageError(f"--out {out}: the settings are written under this name: choose another")
    refuse_input_as_output(path, source, config.valid, config.valid_history)


def _settings_path(out: Path) -> Path:
    return out.with_suffix(".toml")
