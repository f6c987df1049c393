"""A tiny shop for tests: its clicks of a day, and its nights in this process."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mfcli.config.nightly import night_configs
from mfcli.events import Event
from mfcli.nights.places import Place
from mfcli.results import NightResult
from mfcli.stages.nightly import nightly

DAY = 86_400
START = 1_700_000_000
HEAD = "user,item,rating,time"
# Trained in milliseconds, without torch; a night's own work is what is looked at.
QUICK = '[train]\nmodel = "popularity"\n[recommend]\nk = 3\n'

Row = tuple[Any, Any, float, int]


def clicks(day: int, n_users: int = 40, n_items: int = 60, per_day: int = 60) -> list[Row]:
    """Draw the rows of a shop's first ``day`` days; a later day holds those of the earlier ones."""
    rows: dict[tuple[int, int], Row] = {}
    for number in range(day):
        draw = random.Random(number)
        for _ in range(per_day if number else 15 * per_day):
            user, item = draw.randrange(n_users), draw.randrange(n_items)
            moment = START + number * DAY + draw.randrange(DAY)
            rows[user, item] = (user, item, float(draw.randrange(1, 6)), moment)
        rows |= {
            (user, user % n_items): (user, user % n_items, 3.0, START) for user in range(n_users)
        }
    return list(rows.values())


def table(rows: Iterable[Row], head: str = HEAD) -> str:
    """Return rows as CSV."""
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


@dataclass
class Shop:
    """A folder with clicks.csv, shop.toml and, after a night, shop/."""

    home: Path
    nightly: str = ""
    more: str = QUICK
    events: list[Event] = field(default_factory=list)

    @property
    def source(self) -> Path:
        return self.home / "clicks.csv"

    @property
    def place(self) -> Place:
        return Place(self.home / "shop")

    @property
    def current(self) -> str | None:
        return self.place.current_name()

    def file(self) -> Path:
        path = self.home / "shop.toml"
        names = f'source = "{self.source}"\nfolder = "{self.place.folder}"\n'
        path.write_text(f"[nightly]\n{names}{self.nightly}\n{self.more}")
        return path

    def write(self, content: str | list[Row]) -> None:
        self.source.write_text(content if isinstance(content, str) else table(content))

    def night(self, content: str | list[Row] | None = None, **options: Any) -> NightResult:
        """Write the clicks, and run a night on them in this process."""
        if content is not None:
            self.write(content)
        dry_run = options.pop("dry_run", False)
        return nightly(night_configs(self.file(), **options), self.events.append, dry_run=dry_run)


def digests(folder: Path, leave_out: Iterable[str] = ()) -> dict[str, str]:
    """Return the SHA-256 of all files below a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in set(leave_out)
    }
