"""What nights hand back: a night, the generations, and what is done to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mfcli.results.base import Result


@dataclass(frozen=True, kw_only=True)
class NightResult(Result):
    """What a night made, or did.

    status: published, unchanged or dry run. generation: its name; as_of: the time that it is of;
    current: the generation that is published now. counted, gates: what was counted, and what each
    gate said. reused: stages that a night which was cut off had done; removed: generations that
    are kept no longer; in_use: those that a reader holds, which go another night.
    seconds: of each stage.
    """

    folder: str
    status: str
    reason: str
    generation: str | None
    as_of: str | None
    current: str | None
    counted: dict[str, Any]
    gates: list[dict[str, Any]]
    reused: list[str]
    removed: list[str]
    in_use: list[str]
    seconds: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class GenerationsResult(Result):
    """The generations of a folder, oldest first; latest: how the last run ended."""

    folder: str
    current: str | None
    latest: dict[str, Any]
    generations: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class RollbackResult(Result):
    """Which generation was current before a rollback, and which one is now.

    changes: users whose list differs between the two, where --changes wants them.
    """

    folder: str
    before: str | None
    current: str
    dry_run: bool
    changes: dict[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class ChangesResult(Result):
    """Whose lists are not what they were: in the current generation, and in an earlier one."""

    folder: str
    since: str
    current: str
    out: str
    changes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ForgetResult(Result):
    """Whom a folder of nights forgot.

    asked: users of the file. generations: all that there are. forgotten: of each that held some of
    them its name, how many, and the rows that went of its lists.
    """

    folder: str
    asked: int
    generations: list[str]
    forgotten: list[dict[str, Any]]
    dry_run: bool
