"""The options of fetch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from mfcli.config.choices import Choice
from mfcli.config.filters import FILTERS, FilterConfig
from mfcli.config.limits import read_drops
from mfcli.config.options import nearest, option
from mfcli.config.roles import Role, Tier
from mfcli.config.time_formats import parse_time_format
from mfcli.errors import UsageError


class Duplicates(Choice):
    """What becomes of several ratings of one item by one user."""

    last = "last", "the newest one"
    first = "first", "the oldest one"
    mean = "mean", "their mean"
    sum = "sum", "their sum"
    max = "max", "the highest one"
    error = "error", "exit 3"


class Format(StrEnum):
    """What a source looks like inside."""

    udata = "u.data"
    dat = "ratings.dat"
    csv = "csv"
    tsv = "tsv"
    space = "space"
    parquet = "parquet"
    jsonl = "jsonl"
    adjacency = "adjacency"
    recbole = "recbole"
    negatives = "negatives"
    feather = "feather"
    orc = "orc"
    npz = "npz"
    mtx = "mtx"
    netflix = "netflix"


class IdType(Choice):
    """What the ids of a column are."""

    auto = "auto", "integers where all are"
    integer = "int", "integers, nothing else"
    text = "text", "as they are written"


class Quoting(StrEnum):
    """How cells of a table of text are quoted."""

    none = "none"
    doubled = "doubled"
    escaped = "escaped"


COLUMN_ROLES = ("user", "item", "rating", "time")
NO_COLUMN = "none"  # --columns rating=none: there is no rating

_READ = "How the source is read"
_DOWNLOAD = "Downloads (source: a data set's name or a URL)"
_GATES = "Gates: exit 6, the old file stays"
_SAMPLE = "The built-in sample (source: demo)"


@dataclass(frozen=True, kw_only=True)
class FetchConfig(FilterConfig):
    """Options of ``mfcli fetch``."""

    format: Format | None = option(
        None,
        "Format of the source. u.data: user item rating time, tabs, no header; ratings.dat: the "
        "same with ::; csv: commas, semicolons or bars, quoted; tsv: tabs; space: runs of spaces; "
        "jsonl: one JSON object a line; adjacency: user item item item … a line; recbole: .inter; "
        "negatives (evaluate --candidates): (user,positive) item item … a line; feather: Feather "
        "or Arrow IPC; npz: a sparse matrix that SciPy saved; mtx: Matrix Market; netflix: item: "
        "above lines of user,rating,date.",
        role=Role.source,
        shown="found by looking",
        panel=_READ,
        tier=Tier.first,
    )
    columns: str | None = option(
        None,
        "Columns by name, or by number from 1: user=…,item=…,rating=…,time=…. What is not named is "
        "recognised by its name; rating=none or time=none leaves it out.",
        role=Role.source,
        shown="recognised by name, or this order",
        panel=_READ,
        metavar="ROLE=COLUMN,…",
        tier=Tier.first,
    )
    header: bool | None = option(
        None,
        "Whether the first line of a table names its columns.",
        role=Role.source,
        shown="found by looking",
        panel=_READ,
    )
    time_format: str | None = option(
        None,
        "How times are written: s, ms, us or ns since 1970, days, excel; dmy, mdy or ymd; or a "
        "pattern such as %d.%m.%Y %H:%M.",
        role=Role.source,
        shown="found by looking",
        panel=_READ,
        metavar="FORMAT",
    )
    quoting: Quoting | None = option(
        None,
        "How cells are quoted. none: a quote is a character like any other; doubled: a quote in a "
        'quoted cell is written as ""; escaped: as \\".',
        role=Role.source,
        shown="found by looking",
        panel=_READ,
    )
    encoding: str | None = option(
        None,
        "Encoding of a text, as Python names it (cp1252, cp1251, shift_jis, gbk, …).",
        role=Role.source,
        shown="UTF-8, UTF-16 or Windows-1252, by looking",
        panel=_READ,
        metavar="NAME",
    )
    id_type: str | None = option(
        None,
        "Type of the ids: int refuses any other, text keeps them as they are written; auto: "
        "integers where all are. For both columns, or as user=int,item=text.",
        role=Role.source,
        shown="auto",
        panel=_READ,
        metavar="TYPE",
        words=lambda: [*IdType],
    )
    drop_missing: bool = option(
        False,
        "Leave out rows without a user or an item (empty, NULL, \\N; beside integers also NaN, "
        "NA, None …), a rating or a time, instead of refusing them.",
        role=Role.source,
        panel=_READ,
    )
    drop_id: list[str] = option(
        [],
        "Leave out rows with this user or item, such as the 0 of anonymous users (repeatable).",
        role=Role.source,
        panel=_READ,
        metavar="ID",
    )
    item_names: str | None = option(
        None,
        "File of item ids and names: two columns, or u.item, movies.csv, movies.dat; a member of a "
        "zip is ZIP/MEMBER; none: leave names out.",
        role=Role.source | Role.file,
        shown="the source's own",
        panel=_READ,
        metavar="FILE",
        tier=Tier.first,
    )
    drop_value: list[float] | None = option(
        None,
        "Rows of this value are no ratings and are left out, such as the 0 of Book-Crossing or the "
        "-1 of seen, not rated (repeatable); before duplicates are merged.",
        role=Role.source,
        low=-1e38,
        high=1e38,
        panel=FILTERS,
        metavar="VALUE",
    )
    duplicates: Duplicates = option(
        Duplicates.last,
        "What becomes of several ratings of one item by one user; last and first go by time where "
        "there is one, else by position.",
        role=Role.merging,
        panel=FILTERS,
        tier=Tier.first,
    )
    cache_dir: str | None = option(
        None,
        "Folder that keeps downloads.",
        role=Role.download,
        shown="$XDG_CACHE_HOME/mfcli or ~/.cache/mfcli",
        panel=_DOWNLOAD,
        metavar="DIR",
    )
    base_url: str | None = option(
        None,
        "Mirror of the named data sets: http(s)://…/ that holds the zips.",
        role=Role.download,
        shown="files.grouplens.org",
        panel=_DOWNLOAD,
        metavar="URL",
    )
    sha256: str | None = option(
        None,
        "Refuse a URL or a file whose SHA-256 is another (hex).",
        role=Role.source | Role.download,
        panel=_DOWNLOAD,
        metavar="HEX",
    )
    max_size: float = option(
        4.0,
        "Refuse a larger download of a URL, GB.",
        role=Role.download,
        low=0.0,
        high=10_000.0,
        panel=_DOWNLOAD,
        metavar="GB",
    )
    min_rows: int | None = option(
        None,
        "Rows that are left, at least.",
        role=Role.gate | Role.replacing,
        low=0,
        panel=_GATES,
    )
    max_drop: list[str] = option(
        [],
        "NAME=SHARE: by which rows, users or items may fall short of those of the file that is "
        "there, as users=0.1 (repeatable).",
        role=Role.gate | Role.replacing,
        panel=_GATES,
        metavar="NAME=SHARE",
    )
    against: str | None = option(
        None,
        "Matrix that --max-drop compares with, such as last night's.",
        role=Role.gate | Role.replacing,
        shown="the file that is there",
        metavar="FILE",
        panel=_GATES,
    )
    source: list[str] | None = option(
        None,
        "Source of ``mfcli run`` if none is named; several are parts of one table.",
        role=Role.file,
        cli=False,
    )
    users: int = option(
        1_000, "Users of the sample.", role=Role.sample, low=2, high=50_000_000, panel=_SAMPLE
    )
    items: int = option(
        1_500, "Items of the sample.", role=Role.sample, low=2, high=50_000_000, panel=_SAMPLE
    )
    ratings: int = option(
        100_000,
        "Ratings of the sample.",
        role=Role.sample,
        low=1,
        high=1_000_000_000,
        panel=_SAMPLE,
    )

    def check(self) -> None:
        """Refuse malformed --columns, --sha256, --base-url and --max-drop."""
        parse_columns(self.columns)
        read_drops(self.max_drop)
        if self.against is not None and not self.max_drop:
            raise UsageError("--against has no meaning without --max-drop")
        if self.time_format is not None:
            parse_time_format(self.time_format)
        parse_id_types(self.id_type)
        digest = (self.sha256 or "0" * 64).lower()
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise UsageError(f"--sha256 {self.sha256!r} should be 64 hexadecimal digits")
        if self.base_url is not None and not self.base_url.lower().startswith(
            ("http://", "https://")
        ):
            raise UsageError(f"--base-url {self.base_url!r} should begin with https:// or http://")
        if self.encoding is not None and not _is_text_encoding(self.encoding):
            raise UsageError(
                f"--encoding {self.encoding!r} is not known: utf-8, cp1252, cp1251, shift_jis, gbk "
                "and others are"
            )
        if self.format is Format.udata and self.header:
            raise UsageError("--format u.data has no header: choose --format tsv")


def pairs_only(config: FetchConfig) -> FetchConfig:
    """Return the options for a table of which only the users and items are wanted."""
    chosen = dict.fromkeys(("rating", "time"), NO_COLUMN) | parse_columns(config.columns)
    return replace(config, columns=",".join(f"{role}={name}" for role, name in chosen.items()))


def _is_text_encoding(name: str) -> bool:
    try:
        return "a".encode(name).decode(name) == "a"
    except (LookupError, UnicodeError, ValueError):
        return False


def parse_columns(text: str | None) -> dict[str, str]:
    """Read ``user=…,item=…,rating=…,time=…``; raises UsageError that says what is wrong."""
    if text is None:
        return {}
    chosen: dict[str, str] = {}
    for part in text.split(","):
        role, equals, column = (word.strip() for word in part.partition("="))
        if not equals or not column:
            raise UsageError(f"--columns {part!r} should look like user=NAME or user=NUMBER")
        if role not in COLUMN_ROLES:
            raise UsageError(f"--columns: {role!r} is not a role{nearest(role, COLUMN_ROLES)}")
        if role in chosen:
            raise UsageError(f"--columns gives {role} twice")
        chosen[role] = column
    used = [column for column in chosen.values() if column != NO_COLUMN]
    if len(set(used)) < len(used):
        raise UsageError(f"--columns {text!r} gives one column two roles")
    for role in ("user", "item"):
        if chosen.get(role) == NO_COLUMN:
            raise UsageError(f"--columns {role}={NO_COLUMN}: every table needs the {role}")
    return chosen


def parse_id_types(text: str | None) -> dict[str, IdType]:
    """Read ``int``, or ``user=int,item=text``: role → type; raises UsageError."""
    found = dict.fromkeys(("user", "item"), IdType.auto)
    for part in [] if text is None else text.split(","):
        role, equals, kind = (word.strip() for word in part.partition("="))
        if not equals:
            role, kind = "", role
        if kind not in list(IdType) or role not in ("", *found) or (text != part and not role):
            raise UsageError(
                f"--id-type {text!r} should be int, text or auto, or as user=int,item=text"
            )
        found |= dict.fromkeys([role] if role else found, IdType(kind))
    return found
