"""The options of ``mfcli nightly``: the tables of --config, and [nightly] with its own two."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mfcli.config.evaluate import EvaluateConfig
from mfcli.config.fetch import FetchConfig
from mfcli.config.files import load_config
from mfcli.config.layers import AnyConfig
from mfcli.config.limits import Limits, read_limits
from mfcli.config.options import Config, flag, option
from mfcli.config.output import TableFormat
from mfcli.config.recommend import BatchEngine, RecommendConfig
from mfcli.config.roles import Role, Tier
from mfcli.config.run import WAY, RunConfigs
from mfcli.config.split import SplitConfig, Strategy, parse_time
from mfcli.config.train import TrainConfig
from mfcli.errors import UsageError

TABLE = "nightly"
INNER = ("gates", "hooks")  # the tables within it
_UNITS = {"h": 3_600, "d": 86_400, "w": 7 * 86_400}


@dataclass(frozen=True, kw_only=True)
class HooksConfig(Config):
    """The table [nightly.hooks]: commands that run after a night."""

    on_success: list[str] = option(
        [], "Command and arguments to run after a night that is published."
    )
    on_failure: list[str] = option(
        [], "Command and arguments to run after a night that is not: refused, failed, interrupted."
    )
    timeout: float = option(60.0, "Seconds after which a hook is ended.", low=0.1, high=86_400)


@dataclass(frozen=True, kw_only=True)
class NightlyConfig(Config):
    """Options of ``mfcli nightly``."""

    source: list[str] | None = option(
        None,
        "Source of the night, as fetch reads it; several are parts of one table.",
        role=Role.file,
        cli=False,
        tier=Tier.first,
    )
    folder: str | None = option(
        None,
        "Folder of the generations; made where it is not there.",
        role=Role.file,
        cli=False,
        tier=Tier.first,
    )
    warm: bool = option(
        False,
        "Go on from the weights of the last generation instead of training anew.",
        cli=False,
    )
    format: TableFormat = option(TableFormat.csv, "Format of the lists.", cli=False)
    parts: bool = option(
        False,
        "Write the lists as a folder of parts, recommendations/, as recommend --out DIR/ does.",
        cli=False,
    )
    changes: bool = option(
        False,
        "Write changes.* beside the lists: the users whose list is not what it was in the last "
        "generation.",
        cli=False,
    )
    keep: str = option(
        "14",
        "Generations to keep: so many, or those younger than an age such as 36h, 30d or 8w. What "
        "is current, what was before it, and what a reader holds open stay in any case.",
        role=Role.publishing,
        metavar="N|AGE",
        tier=Tier.first,
    )
    as_of: str | None = option(
        None,
        "Time that the night is of: names the generation, and is stored (seconds since 1970, or "
        "ISO 8601).",
        shown="the newest time of the data, else the source's SHA-256",
        metavar="TIME",
        tier=Tier.first,
    )
    wait: float = option(
        0.0,
        "Seconds to wait for another run that holds the folder.",
        role=Role.publishing,
        low=0,
        high=1e7,
        metavar="SECONDS",
    )

    def check(self) -> None:
        """Refuse a malformed age and time, and a source that cannot be read again."""
        parse_keep(self.keep)
        if self.as_of is not None:
            parse_as_of(self.as_of)
        if "-" in (self.source or ()):
            raise UsageError(
                "[nightly] source = '-': a night that goes on reads its source again: name a file"
            )


@dataclass(frozen=True)
class Keep:
    """Which generations stay: the newest ``number``, or those younger than ``seconds``."""

    number: int | None
    seconds: float | None


def parse_keep(text: str) -> Keep:
    """Read ``14``, or an age as ``30d``; raises UsageError."""
    found = re.fullmatch(r"\s*(\d{1,9})\s*([hdw]?)\s*", text)
    if found is None or (not found[2] and int(found[1]) < 1):
        raise UsageError(
            f"--keep {text!r} should be a number of generations from 1, or an age such as 36h, "
            "30d or 8w"
        )
    if not found[2]:
        return Keep(int(found[1]), None)
    return Keep(None, float(int(found[1]) * _UNITS[found[2]]))


def parse_as_of(text: str) -> datetime:
    """Read the time of --as-of, in UTC; raises UsageError."""
    try:
        return datetime.fromtimestamp(parse_time(text), UTC)
    except UsageError as error:
        raise UsageError(str(error).replace("--cutoff", "--as-of")) from None
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"--as-of {text!r} is no time of a calendar") from None


@dataclass(frozen=True, kw_only=True)
class NightConfigs:
    """The configuration of a night.

    run: of its stages; limits: of its gates.
    """

    nightly: NightlyConfig
    run: RunConfigs
    limits: Limits
    hooks: HooksConfig

    @property
    def source(self) -> list[str]:
        """What is fetched; raises UsageError where nothing says so."""
        source = self.nightly.source or self.run.fetch.source
        if not source:
            raise UsageError('[nightly] names no source: write source = "clicks.csv"')
        return source

    @property
    def folder(self) -> Path:
        """Where the generations lie; raises UsageError where nothing says so."""
        if not self.nightly.folder:
            raise UsageError('[nightly] names no folder: write folder = "shop"')
        return Path(self.nightly.folder)

    @property
    def tables(self) -> dict[str, Config]:
        """The options of the night and of its stages, by the table that they stand in."""
        run = self.run
        return {
            TABLE: self.nightly,
            "fetch": run.fetch,
            "split": run.split,
            "train": run.train,
            "evaluate": run.evaluate,
            "recommend": run.recommend,
        }

    @property
    def files(self) -> list[tuple[str, str, str]]:
        """The files that the stages read beside the source: table, option, path."""
        named = [("evaluate", "candidates"), ("evaluate", "history")]
        named += [("recommend", name) for name in self.run.recommend.given(Role.file)]
        paths = [(table, name, getattr(self.tables[table], name)) for table, name in named]
        return [(table, name, str(path)) for table, name, path in paths if path is not None]

    def stored(self) -> dict[str, Any]:
        """Return the options that decide what a night makes, and whether it is published."""
        unstored = Role.file | Role.speed | Role.download | Role.publishing | Role.telling
        tables: dict[str, Any] = {
            name: config.options(leave_out=unstored) for name, config in self.tables.items()
        }
        return tables | {"gates": self.limits.table()}


def night_configs(
    path: Path,
    *,
    seed: int | None = None,
    keep: str | None = None,
    as_of: str | None = None,
    wait: float | None = None,
) -> NightConfigs:
    """Read the file of a night; seed, keep, as_of, wait: of the command line.

    Raises InputError for a file that cannot be read, UsageError for options that cannot work.
    """
    tables = load_config(path)
    own = dict(tables.get(TABLE, {}))
    inner = {name: _inner(own, name, path) for name in INNER}

    def merged(
        cls: type[AnyConfig], name: str, table: Mapping[str, Any], **asked: Any
    ) -> AnyConfig:
        given = {key: value for key, value in asked.items() if value is not None}
        return cls.merge((f"{path}: [{name}] ", table), ("", given))

    nightly = merged(NightlyConfig, TABLE, own, seed=seed, keep=keep, as_of=as_of, wait=wait)

    def of_stage(cls: type[AnyConfig], name: str) -> AnyConfig:
        table = dict(tables.get(name, {}))
        if "seed" in own:
            table.setdefault("seed", own["seed"])
        return merged(cls, name, table, seed=seed)

    train = of_stage(TrainConfig, "train")
    _check_train(train)
    split = of_stage(SplitConfig, "split")
    _check_split(split)
    recommend = of_stage(RecommendConfig, "recommend")
    _check_recommend(recommend, nightly)
    train.ready()  # refuse what cannot work before anything is read
    for table in ("fetch", "train", "evaluate", "recommend", "split"):
        if tables.get(table, {}).get("manifest"):
            raise UsageError(
                f"[{table}] manifest has no meaning in a night: manifest.json of the generation "
                "holds the SHA-256 of every file"
            )
    return NightConfigs(
        nightly=nightly,
        run=RunConfigs(
            fetch=of_stage(FetchConfig, "fetch"),
            split=split,
            train=train,
            evaluate=of_stage(EvaluateConfig, "evaluate"),
            recommend=recommend,
            open_way=not _keys(tables, "train") & set(WAY),
            open_n=split.n is not None and "n" not in _keys(tables, "split"),
        ),
        limits=read_limits(inner["gates"], f"{path}: [{TABLE}.gates] "),
        hooks=merged(HooksConfig, f"{TABLE}.hooks", inner["hooks"]),
    )


def _inner(own: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = own.pop(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {name} should be a table: [{TABLE}.{name}]")
    return table


def _keys(tables: Mapping[str, Mapping[str, Any]], name: str) -> set[str]:
    return {key.replace("-", "_") for key in tables.get(name, {})}


def _check_train(config: TrainConfig) -> None:
    if config.init_from is not None:
        raise UsageError(
            "[train] init-from names one model for every night: warm = true in [nightly] goes on "
            "from the last generation"
        )
    for name in ("valid", "valid_history"):
        if getattr(config, name) is not None:
            raise UsageError(
                f"[train] {name.replace('_', '-')} names one file for every night: valid = true in "
                "[split] takes validation rows out of each night's data"
            )


def _check_split(config: SplitConfig) -> None:
    if config.folds:
        raise UsageError("[split] folds has no meaning in a night, which measures one split")
    if config.chosen is Strategy.given:
        raise UsageError(
            "[split] train-file and test-file have no meaning in a night: its rows "
            "come from [nightly] source"
        )


# Options of recommend that a night does by itself, and what does it.
_OWN = {
    "pairs": "a night writes lists",
    "shard": "a night is one run",
    "resume": "a night that was cut off goes on by itself",
    "keep_previous": "keep in [nightly] says what stays",
    "max_churn": "churn in [nightly.gates] is the gate of a night",
    "max_age": "age in [nightly.gates] is the gate of a night",
    "wait": "wait belongs in [nightly]",
    "max_drop": "lists in [nightly.gates] is the gate of a night",
    "changes": "changes = true in [nightly] writes them into the generation",
    "against": "a night is held against the last generation",
}


def _check_recommend(config: RecommendConfig, nightly: NightlyConfig) -> None:
    asked = config.asked()
    for name, instead in _OWN.items():
        if name in asked:
            raise UsageError(
                f"[recommend] {name.replace('_', '-')} has no meaning in a night: {instead}"
            )
    if "-" in (config.users, config.pairs):
        raise UsageError("[recommend] users = '-': a night reads its files again: name a file")
    if not nightly.parts:
        for name in config.given(Role.folder):
            raise UsageError(
                f"[recommend] {flag(name)[2:]} is for a folder of parts: write parts = true in "
                "[nightly]"
            )
        if config.engine is not BatchEngine.local:
            raise UsageError(
                "[recommend] engine = 'dask' is for a folder: parts = true in [nightly]"
            )
        config.check_format(nightly.format)


def with_cutoff(config: SplitConfig, newest: int) -> SplitConfig:
    """Return the options that hold out the rows after ``newest``, seconds since 1970."""
    return SplitConfig(
        strategy=Strategy.latest,
        cutoff=str(newest + 1),
        valid=config.valid,
        threshold=config.threshold,
        min_user_ratings=config.min_user_ratings,
        min_item_ratings=config.min_item_ratings,
        seed=config.seed,
        ignore=config.ignore,
    )
