"""What a stage will take of memory and disk, and what there is: said before it starts.

The formulas were fitted to the peaks of 5 and 20 million ratings (``make torture`` measures them
again). A run is refused where it could never fit, and warned of where it does not fit now: who
shares a machine knows better what will be free. MFCLI_MEMORY names another amount of memory, in GB.
"""

from __future__ import annotations

import math
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mfcli.codes import WarningCode
from mfcli.errors import SystemRefusedError, UsageError
from mfcli.events import OnEvent, Warned
from mfcli.system.refusals import mount_point
from mfcli.wording import counted, size

VARIABLE = "MFCLI_MEMORY"
SYSTEM = Path("/")  # where proc and sys are

# Python and what a stage imports, with a compiled kernel; bytes.
_READING, _COMPUTING = 200 << 20, 430 << 20
_ROW = 67  # of a table while it is read, sorted and merged
_SAMPLE_ROW = 23
_RESERVED = 512 << 20  # addresses of threads: stacks, arenas, the buffers of BLAS
_TILE = 384  # rows of a tile of mfcli.training.engines.ease
# mfcli.ranking.catalogue's block of scores: at most so many users, and so many scores.
_BLOCK_USERS, _BLOCK_SCORES = 256, 1 << 24


def reading(rows: int) -> int:
    """Return the bytes that reading a table of so many rows takes at its peak."""
    return _READING + _ROW * rows


def sampling(ratings: int) -> int:
    """Return the bytes that making a sample takes."""
    return _READING + _SAMPLE_ROW * ratings


def splitting(ratings: int, stored: int, copies: int) -> int:
    """Return the bytes that a split takes.

    stored: bytes of the matrix's file; copies: how many times its rows are written, all parts
    together.
    """
    return _COMPUTING + 44 * ratings + copies * stored


def training(ratings: int, stored: int, tables: int, batch: int | None) -> int:
    """Return the bytes that training takes.

    tables: bytes of all weights; batch: of the vectors of a batch, None where there are none.
    """
    if batch is None:  # shared factors: the ratings in tiles, the weights and their last state
        return _COMPUTING + stored + 18 * ratings + 3 * tables
    # Gradients, two moments, the last whole epoch's copy of all, and the best weights.
    return _COMPUTING + stored + 4 * ratings + 9 * tables + 20 * batch


def inverting(ratings: int, items: int, width: int, workers: int) -> int:
    """Return the bytes that training ease takes: an inverse, and the weights of items × items.

    width: of the matrix that is inverted, of the items or of fewer users. Beside the weights in
    float32 the inverse has its lower half in float64, of users all of it as well; and there are
    strips of tiles for what is swept, and for each thread.
    """
    inverse = 4 * width**2 if width == items else 12 * width**2
    strips = 8 * _TILE * items * (3 + workers)
    return _COMPUTING + 40 * ratings + 4 * items**2 + inverse + strips


def scoring(model: int, test: int, items: int, workers: int, lists: int = 0) -> int:
    """Return the bytes that scoring whole catalogues takes.

    model, test: bytes of the files; items: of the catalogue; lists: entries of all ranked lists.
    """
    rows = max(1, min(_BLOCK_USERS, _BLOCK_SCORES // max(1, items)))
    return _COMPUTING + 3 * model + 4 * test + 3 * workers * rows * items * 4 + 10 * lists


def memory_limit() -> int:
    """Return the bytes that this process could ever have: of the machine, its group, its limits."""
    asked = os.environ.get(VARIABLE)
    if asked:
        return _asked(asked)
    found = [_meminfo().get("MemTotal", 0) + _meminfo().get("SwapTotal", 0) or math.inf]
    found += [limit for limit, _ in _group_limits()]
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        found.append(max(0, soft - _unused_addresses() - _RESERVED))
    return int(min(min(found), 1 << 62))


def memory_available() -> int:
    """Return the bytes that are free now, or could be freed without swapping."""
    if os.environ.get(VARIABLE):
        return memory_limit()
    found = [_meminfo().get("MemAvailable", 0) or math.inf, memory_limit()]
    found += [limit - used for limit, used in _group_limits()]
    return max(0, int(min(found)))


def require_memory(what: str, needed: int, mend: str, on_event: OnEvent) -> None:
    """Raise SystemRefusedError where ``needed`` bytes can never be had; warn where not now."""
    limit = memory_limit()
    if needed > limit:
        raise SystemRefusedError(
            f"{what} needs about {size(needed)} of memory, and there is {size(limit)}: {mend} "
            f"({VARIABLE}=GB overrules what was found)"
        )
    available = memory_available()
    if needed > available:
        on_event(
            Warned(
                WarningCode.memory,
                f"{what} needs about {size(needed)} of memory, and {size(available)} is free: "
                f"the system may end it; {mend}",
            )
        )


def require_rows(name: str, rows: int, on_event: OnEvent) -> None:
    """Raise SystemRefusedError where memory cannot hold a table of so many rows."""
    require_memory(
        f"reading {name} (about {counted(rows, 'row')})",
        reading(rows),
        "leave out the time (--columns user=…,item=…,rating=…), or cut the file",
        on_event,
    )


def require_disk(path: Path, needed: int) -> None:
    """Raise SystemRefusedError where ``needed`` bytes do not fit beside ``path``."""
    folder = path.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    with suppress(OSError):  # a file system that does not say
        free = shutil.disk_usage(folder).free
        if 0 <= free < needed:
            raise SystemRefusedError(
                f"{path} needs about {size(needed)} of disk, and {size(free)} is free on "
                f"{mount_point(str(folder))}: make room, or choose another place"
            )


def _asked(text: str) -> int:
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = math.nan
    if not 0 < gigabytes < 1e9:
        raise UsageError(f"{VARIABLE}={text!r} should be a number of GB")
    return int(gigabytes * 1e9)


def _unused_addresses() -> int:
    """Return the bytes of this process' addresses that take no memory: libraries map a lot."""
    with suppress(OSError, ValueError):
        total, resident = (SYSTEM / "proc/self/statm").read_text("ascii").split()[:2]
        return (int(total) - int(resident)) * resource.getpagesize()
    return 0


def _meminfo() -> dict[str, int]:
    """Return the lines of /proc/meminfo in bytes; nothing where there is none."""
    found = {}
    with suppress(OSError, ValueError), (SYSTEM / "proc/meminfo").open(encoding="ascii") as lines:
        for line in lines:
            name, _, rest = line.partition(":")
            found[name] = int(rest.split()[0]) * 1024
    return found


def _group_limits() -> Iterator[tuple[int, int]]:
    """Yield (limit, use) in bytes of the control groups of this process, version 2 and 1."""
    try:
        groups = (SYSTEM / "proc/self/cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = SYSTEM.joinpath("sys/fs/cgroup", "memory" if controllers else "")
        names = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes")
            if controllers
            else ("memory.max", "memory.current")
        )
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder == root.parent:
                break
            with suppress(OSError, ValueError):  # no such file, or "max"
                limit, used = (int((folder / name).read_text("ascii")) for name in names)
                if limit < 1 << 60:  # version 1 writes a huge number for none
                    yield limit, used
