"""The options of recommend."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mfcli.config.choices import Choice
from mfcli.config.evaluate import UnknownUsers
from mfcli.config.limits import read_drops
from mfcli.config.options import flag, option
from mfcli.config.output import ITEMS, OUTPUT, OutputConfig, TableFormat
from mfcli.config.roles import Role, Tier
from mfcli.errors import UsageError

_PAIRS = "Scores of given pairs"
_PARTS = "Folder of parts (--out DIR/)"
_CLUSTER = "Beyond one machine (--out DIR/)"
_GATES = "Gates: exit 6, the old output stays"


class BatchEngine(Choice):
    """Who writes the parts of a folder."""

    local = "local", "this process"
    dask = "dask", "a cluster's workers"


@dataclass(frozen=True, kw_only=True)
class RecommendConfig(OutputConfig):
    """Options of ``mfcli recommend``."""

    k: int = option(
        10,
        "Items a user.",
        role=Role.lists,
        low=1,
        high=2**31 - 1,
        metavar="LENGTH",
        tier=Tier.first,
    )
    users: str | None = option(
        None,
        "File of user ids, one a line or a column of a table, or - for standard input.",
        role=Role.file | Role.stdin | Role.lists,
        shown="all users",
        tier=Tier.first,
    )
    allow_empty: bool = option(
        False,
        "Go on, instead of exit 3, where --users, --items, --history or --pairs hold nothing, or "
        "--users or --pairs nobody and nothing that the model knows (newcomers only).",
        role=Role.gate,
    )
    unknown_users: UnknownUsers = option(
        UnknownUsers.popular,
        "Users without a rating in train: the popular items, no rows, or exit 3.",
        role=Role.lists,
        tier=Tier.first,
    )
    history: str | None = option(
        None,
        "Interactions of new users, or of known ones anew, as fetch reads them or .npz: their "
        "factors are solved for, and only they get rows unless --users says otherwise.",
        role=Role.file | Role.lists,
        shown="none",
        tier=Tier.first,
    )
    items: str | None = option(
        None,
        "File of item ids: only these.",
        role=Role.file | Role.lists,
        shown="all items",
        panel=ITEMS,
    )
    exclude_items: str | None = option(
        None,
        "File of item ids: not these.",
        role=Role.file | Role.lists,
        panel=ITEMS,
        tier=Tier.first,
    )
    exclude: str | None = option(
        None,
        "File of user and item ids, as fetch reads it: not these pairs.",
        role=Role.file | Role.lists,
        panel=ITEMS,
    )
    seen: str | None = option(
        None,
        "A newer matrix, whose items a user has seen as well.",
        role=Role.file | Role.lists,
        panel=ITEMS,
        tier=Tier.first,
    )
    include_seen: bool = option(
        False,
        "Also recommend what the user has in train.",
        role=Role.lists,
        panel=ITEMS,
        tier=Tier.first,
    )
    include_cold: bool = option(
        False, "Also recommend items without a rating in train.", role=Role.lists, panel=ITEMS
    )
    min_score: float | None = option(
        None,
        "Only items of at least this score (popular lists apart).",
        role=Role.lists,
        low=-1e38,
        high=1e38,
        panel=ITEMS,
        metavar="SCORE",
    )
    pairs: str | None = option(
        None,
        "File of user and item ids to score instead, or - for standard input.",
        role=Role.file | Role.stdin,
        panel=_PAIRS,
        tier=Tier.first,
    )
    format: TableFormat | None = option(
        None, "Format of the parts.", role=Role.lists | Role.folder, shown="parquet", panel=_PARTS
    )
    part_users: int | None = option(
        None,
        "Rows of the matrix a part.",
        role=Role.lists | Role.folder,
        low=1,
        shown="8192",
        panel=_PARTS,
    )
    shard: str | None = option(
        None,
        "i/n: only every n-th part, from the i-th; the last of n runs publishes.",
        role=Role.speed | Role.lists | Role.folder,
        panel=_PARTS,
        metavar="I/N",
    )
    resume: bool = option(
        False,
        "Keep the whole parts of a run that was cut off.",
        role=Role.speed | Role.lists | Role.folder,
        panel=_PARTS,
    )
    engine: BatchEngine = option(
        BatchEngine.local,
        "Who scores: this process, or the workers of a Dask cluster.",
        role=Role.speed | Role.lists,
        panel=_CLUSTER,
    )
    scheduler: str | None = option(
        None,
        "Address of the Dask scheduler, as tcp://HOST:8786 or tls://HOST:8786.",
        role=Role.speed | Role.folder,
        panel=_CLUSTER,
        metavar="ADDRESS",
    )
    cluster_timeout: float = option(
        20.0,
        "Seconds to wait for the scheduler, for a worker, and for another when all are lost.",
        role=Role.speed,
        low=0.1,
        high=1e6,
        panel=_CLUSTER,
        metavar="SECONDS",
    )
    fallback_flag: bool = option(
        False,
        "Have a column fallback: true where a row is of the popular items, not of the user's own.",
        role=Role.lists,
        panel=OUTPUT,
    )
    keep_previous: bool = option(
        False,
        "Keep the output that is replaced, as OUT.previous.",
        role=Role.publishing,
        panel=OUTPUT,
    )
    max_age: float | None = option(
        None,
        "Days since the newest row of the model's data, at most; since its file was written where "
        "the data have no dates.",
        role=Role.gate,
        low=0,
        high=1e6,
        panel=_GATES,
        metavar="DAYS",
    )
    min_users: int | None = option(
        None,
        "Users with a row, at least.",
        role=Role.gate | Role.publishing | Role.lists,
        low=0,
        panel=_GATES,
    )
    min_coverage: float | None = option(
        None,
        "Share of the allowed items that somebody gets, at least.",
        role=Role.gate | Role.publishing | Role.lists,
        low=0,
        high=1,
        panel=_GATES,
        metavar="SHARE",
    )
    max_churn: float | None = option(
        None,
        "1 − mean overlap of users' lists with the output that is there, at most.",
        role=Role.gate | Role.publishing | Role.lists | Role.comparing,
        low=0,
        high=1,
        panel=_GATES,
        metavar="SHARE",
    )
    max_drop: list[str] = option(
        [],
        "NAME=SHARE: by which rows, users with a row, or items that stand in a list may fall short "
        "of those of the output that is there, as users=0.1 (repeatable).",
        role=Role.gate | Role.publishing | Role.lists | Role.comparing,
        panel=_GATES,
        metavar="NAME=SHARE",
    )
    against: str | None = option(
        None,
        "Earlier lists, file or folder, that --max-churn, --max-drop and --changes compare with.",
        role=Role.gate | Role.publishing | Role.lists,
        shown="the output that is there",
        panel=_GATES,
        metavar="FILE|DIR",
    )

    @property
    def files(self) -> list[str]:
        """The files that the request is read from."""
        return [str(getattr(self, name)) for name in self.given(Role.file)]

    @property
    def shard_of(self) -> tuple[int, int]:
        """The shard and the number of shards, (1, 1) where there is but one."""
        return (1, 1) if self.shard is None else parse_shard(self.shard)

    def check(self) -> None:
        """Refuse a malformed shard, standard input for a filter, options of lists with pairs."""
        if self.shard is not None:
            parse_shard(self.shard)
        read_drops(self.max_drop)
        if self.against is not None and not self.given(Role.comparing):
            raise UsageError(
                "--against has no meaning without --max-churn, --max-drop or --changes"
            )
        self.check_files()
        self.check_changes()
        self._check_cluster()
        if self.pairs is None:
            return
        for name in self.given(Role.lists):
            raise UsageError(
                f"{flag(name)} has no meaning with --pairs, which scores what it names"
            )

    def _check_cluster(self) -> None:
        if self.engine is BatchEngine.local:
            if self.scheduler is not None:
                raise UsageError("--scheduler has no meaning without --engine dask")
            return
        if self.scheduler is None:
            raise UsageError("--engine dask needs --scheduler, as tcp://HOST:8786")
        if not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://[^/\s]+:\d{1,5}", self.scheduler):
            raise UsageError(f"--scheduler {self.scheduler!r} should look like tcp://HOST:8786")
        if self.users == "-":
            raise UsageError("--users - with --engine dask: workers need a file they can read")
        if self.shard is not None:
            raise UsageError("--shard with --engine dask: Dask shares the parts out by itself")


def parse_shard(text: str) -> tuple[int, int]:
    """Read ``i/n``, 1 ≤ i ≤ n; raises UsageError."""
    first, slash, last = text.partition("/")
    if not (slash and first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise UsageError(f"--shard {text!r} should look like 1/4")
    if not 1 <= int(first) <= int(last):
        raise UsageError(f"--shard {text!r} should lie between 1/{last} and {last}/{last}")
    return int(first), int(last)
