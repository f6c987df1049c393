"""The codes of warnings: what each means, what to do, and whether it is mere advice.

A new warning is one member of ``WarningCode`` and one entry of ``WARNINGS``; whoever warns says
``Warned(WarningCode.positives, "…")``. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WarningCode(StrEnum):
    """What a warning is about; its value is what a user sees and silences it by."""

    positives = "W-positives"
    counts = "W-counts"
    popularity = "W-popularity"
    relevance = "W-relevance"
    rating_column = "W-rating-column"
    values = "W-values"
    time = "W-time"
    ids = "W-ids"
    id_type = "W-id-type"
    encoding = "W-encoding"
    lines = "W-lines"
    names = "W-names"
    memory = "W-memory"
    cold = "W-cold"
    train_rows = "W-train-rows"
    empty = "W-empty"
    epochs = "W-epochs"
    download = "W-download"
    log = "W-log"
    clean_up = "W-clean-up"
    hook = "W-hook"


@dataclass(frozen=True)
class About:
    """What there is to know of a code.

    meaning: one sentence on what was found. mend: one sentence on what to do about it.
    advice:  nothing is wrong, something could be better; ``--quiet`` drops it.
    """

    meaning: str
    mend: str
    advice: bool = False


WARNINGS: dict[WarningCode, About] = {
    WarningCode.positives: About(
        "A ranking objective takes every row as a like, and the ratings differ.",
        "Keep the good ones with `--threshold X` of fetch or split, or weigh them with "
        "`--positive-weight linear` (`--confidence linear` of ials); `none` there says that all "
        "are likes.",
    ),
    WarningCode.counts: About(
        "The values have the long tail of counts (of plays, clicks, purchases), and squared errors "
        "predict them as if they were ratings.",
        "Train a ranking: `--objective ials`, or where users have few rows `--mode hogwild "
        "--positive-weight log`; the warning names what measured better on so many.",
    ),
    WarningCode.popularity: About(
        "The model's lists are not better than the most popular items by more than chance.",
        "Do not publish them: look at the data, at the mode, and at `mfcli tune`.",
    ),
    WarningCode.relevance: About(
        "The ratings of the test rows differ, and every one of them counts as a hit, the bad ones "
        "too.",
        "Say from which rating on a row is a hit: `evaluate --relevant-from X`.",
    ),
    WarningCode.rating_column: About(
        "A column of numbers could be the rating, and none was taken as it.",
        "Name it with `--columns rating=NAME`, or say that there is none with "
        "`--columns rating=none`.",
    ),
    WarningCode.values: About(
        "The values have a peculiar shape, such as many at 0 or −1 apart from the scale.",
        "Leave out what is no rating with `--drop-value X`, or make likes with `--threshold X`.",
    ),
    WarningCode.time: About(
        "The times were read by a guess, or lie where times of today's data do not.",
        "Look at the range of times that is shown, and say with `--time-format` how they are "
        "written.",
    ),
    WarningCode.ids: About(
        "Some ids are missing, or are unknown to the model or matrix that they are matched with.",
        "Give ids as they stand in the source of the training data.",
    ),
    WarningCode.id_type: About(
        "A column of ids is of another type than expected: text instead of integers, or the other "
        "way round.",
        "Pin it with `--id-type`, and mend the ids that are named.",
    ),
    WarningCode.encoding: About(
        "The file is not UTF-8, and was read in another encoding.",
        "Look at the names and ids; if they are garbled, name the encoding with `--encoding`.",
    ),
    WarningCode.lines: About(
        "Lines of the file hold no row (comments, rulers, footers, repeated headers): they were "
        "left out.",
        "Look at the lines that are named; there is nothing to do if they hold no data.",
    ),
    WarningCode.names: About(
        "A file of names fits none of the items.",
        "Give the file that belongs to the data with `--item-names FILE`.",
    ),
    WarningCode.memory: About(
        "The work may need more memory than is free.",
        "Do what the warning names, or give the machine more memory.",
    ),
    WarningCode.cold: About(
        "Some users or items have no rating in the training data.",
        "Train on newer data, or choose what becomes of them: `--unknown-users`, `--include-cold`.",
    ),
    WarningCode.train_rows: About(
        "The models that are compared were trained on different rows.",
        "Train them on one split.",
    ),
    WarningCode.empty: About(
        "The options leave nothing to write.",
        "Look at the filters of users and items.",
    ),
    WarningCode.epochs: About(
        "The best training of a search has as many epochs as the search allows.",
        "More may be better: search again with a wider range of epochs.",
        advice=True,
    ),
    WarningCode.download: About(
        "A download, or its copy in the cache, is not the file that is known.",
        "Look at the source; nothing is to be done where it was downloaded again.",
    ),
    WarningCode.log: About(
        "The file of `--log-file` or `--metrics-file` cannot be written; the command went on "
        "without it.",
        "Make room on its disk, or look at its permissions: the lines since then are missing.",
    ),
    WarningCode.clean_up: About(
        "A night is done, and something of what follows it could not be written or removed.",
        "Look at the file that is named, at the disk's room and at its owner; the next night tries "
        "again.",
    ),
    WarningCode.hook: About(
        "A command of `[nightly.hooks]` could not be run, failed, or took too long.",
        "Run it by hand; the night is what it was without it.",
    ),
}
