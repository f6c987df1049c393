"""A reader that looks at ``current`` a hundred times a second: it is whole at every instant.

    python -m tests.nights.looking FOLDER

Writes a line a look until it is ended: ``whole NAME``, ``none yet``, or what is wrong. A generation
is hashed when it is first seen; that its files are there, each of its size, is asked at every look.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from mfcli.errors import MfcliError
from mfcli.nights.generations import read_generation
from mfcli.nights.places import Place

LOOKS = 0.01  # seconds from one look to the next
NONE_YET = "none yet"


class Reader:
    """Looks at the current generation of a folder."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.hashed: set[str] = set()

    def look(self) -> str:
        """Return ``whole NAME``, or what is wrong."""
        try:
            name = self.place.current_name()
            if name is None:
                return "current is gone" if self.hashed else NONE_YET
            generation = read_generation(self.place.generation(name))
            if name not in self.hashed and (problem := generation.problem()) is not None:
                return problem
            for file, entry in generation.files.items():
                if (generation.folder / file).stat().st_size != entry["bytes"]:
                    return f"{name}: {file} has another size"
            # What a shop does: through the link.
            with (self.place.current / "metrics.json").open("rb") as stream:
                stream.read(1)
        except (MfcliError, OSError) as error:
            return repr(error)
        self.hashed.add(name)
        return f"whole {name}"


def look_until_ended(place: Place, writing: int) -> None:
    """Write a line a look to a descriptor, until SIGTERM ends the process."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    reader, due = Reader(place), time.monotonic()
    while True:
        os.write(writing, f"{reader.look()}\n".encode())
        due = max(due + LOOKS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    look_until_ended(Place(Path(sys.argv[1])), sys.stdout.fileno())
