"""A finished night → the current generation; and back to an earlier one.

The folder of the night is renamed into its place, then ``current`` is switched, each in one step.
The generation's name is noted in the night's folder until both are done: a run that finds the note
comes after one that was killed between the two, and finishes the switch. That folder is taken out
of the way in one step too: the next run finds all of it, or nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from mfcli.artifacts import atomic_file, flush, uninterrupted
from mfcli.artifacts.folders import remove_tree
from mfcli.errors import InputError, UsageError
from mfcli.nights.generations import Generation, all_generations, read_generation
from mfcli.nights.keeping import discard, previous_to
from mfcli.nights.places import Place

SWITCH = "switch.json"  # in the staging folder: the generation that is about to become current


def publish(place: Place, built: Path, name: str) -> None:
    """Put the finished folder ``built`` in its place and make it current.

    It holds its manifest, and every file is on the disk.
    """
    with uninterrupted():
        with atomic_file(place.staging / SWITCH) as stream:
            stream.write(json.dumps({"name": name}).encode())
        place.generations.mkdir(exist_ok=True)
        _flush_all(built)
        os.rename(built, place.generation(name))
        flush(place.generations)
        place.switch(name)
        _tidy(place)


def finish_switch(place: Place) -> str | None:
    """Finish what a run that was killed while it published had begun; return its generation.

    None where there is nothing to finish.
    """
    try:
        name = json.loads((place.staging / SWITCH).read_text("utf-8"))["name"]
        folder = place.generation(str(name))
        read_generation(folder)
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return None  # the folder is not in its place yet: the night goes on from its stages
    place.switch(folder.name)
    _tidy(place)
    return folder.name


def _tidy(place: Place) -> None:
    """Remove what is left of a night that is published."""
    try:
        discard(place, place.staging)
    except OSError:  # a disk that is full has no room for another folder; the night is published
        remove_tree(place.staging)


def _flush_all(folder: Path) -> None:
    """Have the system write all files of a folder, and their names, to the disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        flush(path)
    flush(folder)


def find_target(place: Place, asked: str, option: str = "--rollback") -> Generation:
    """Return the generation that ``previous`` or a name stands for, whole.

    option: what it is called in messages.

    Raises UsageError where there is none, InputError where its files are not whole.
    """
    there, current = all_generations(place), place.current_name()
    names = [it.name for it in there]
    if asked == "previous":
        if current is None or current not in names:
            raise UsageError(f"{option} previous: no generation is current")
        before = previous_to(there[names.index(current)], there)
        if before is None:
            raise UsageError(f"{option} previous: there is no generation before {current}")
        found = before
    elif asked in names:
        found = there[names.index(asked)]
    else:
        listed = ", ".join(names[-5:]) or "none"
        raise UsageError(f"{option} {asked!r}: there is no such generation; there are: {listed}")
    problem = found.problem()
    if problem is not None:
        raise InputError(f"{problem}: {option} cannot be {found.name}")
    return found


def rollback(place: Place, target: Generation) -> None:
    """Make an earlier generation current."""
    with uninterrupted():
        place.switch(target.name)
