"""What an option is about, said where it is declared; artifacts and help follow from it."""

from __future__ import annotations

import enum


class Role(enum.Flag):
    """What an option is about; it may have several roles, or none.

    An option without a role says what is computed: artifacts store it. Those that are ``unstored``
    change no byte of a result, or are told by the SHA-256 of the file that they name.
    """

    none = 0
    seed = enum.auto()

    # What artifacts do not store.
    file = enum.auto()  # names a file: what is in it counts, not where it lies
    speed = enum.auto()  # how fast the same result is reached, by whom and in how many pieces
    limit = enum.auto()  # when to stop
    download = enum.auto()  # where a download comes from, and how far it is trusted
    publishing = enum.auto()  # whether and when the output replaces an earlier one
    gate = enum.auto()  # refuses a model or a result, and changes none
    telling = enum.auto()  # what the user is told
    unstored = file | speed | limit | download | publishing | gate | telling

    # fetch
    source = enum.auto()  # describes what a source holds
    merging = enum.auto()  # what becomes of several rows of one user and item
    sample = enum.auto()  # the built-in sample's size
    replacing = enum.auto()  # means something for a file that is written, not for values in memory

    # train and tune
    choice = enum.auto()  # the setting: model, objective, engine
    shorthand = enum.auto()  # stands for other options
    watch = enum.auto()  # how training is measured as it goes on
    stage = enum.auto()  # may change from stage to stage of [[train.stages]]
    nested = enum.auto()  # a table of options
    held_out = enum.auto()  # how validation rows are taken out
    unsearched = enum.auto()  # an option of train that tune does not have

    # recommend and similar
    stdin = enum.auto()  # names a file that may be standard input, "-"
    comparing = enum.auto()  # compares with an earlier output
    lists = enum.auto()  # means something for lists, not for the scores of given pairs
    folder = enum.auto()  # means something for a folder of parts only


class Tier(enum.Enum):
    """How soon help tells of an option: at once, or with --help-all only."""

    first = "first"
    rest = "rest"
