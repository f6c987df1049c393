"""Downloads into a cache: resumed, checked, and never left half-written.

A file is written to ``NAME.part`` beside its place in the cache and renamed when it is whole and
its checksum holds. Two runs that want one file take turns, by a lock on ``NAME.lock``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mfcli.codes import WarningCode
from mfcli.errors import DownloadError, SystemRefusedError, UsageError
from mfcli.events import Noted, OnEvent, Progress, Started, Warned
from mfcli.sources.download.web import (
    PATIENCE,
    BrokenError,
    Patience,
    Response,
    check_url,
    open_url,
)
from mfcli.system.capacity import require_disk
from mfcli.system.refusals import naming
from mfcli.wording import counted

BY_HAND = "download it by hand (a browser, curl) and pass the file instead"


@dataclass(frozen=True)
class Wanted:
    """A file to download, and what is known of it.

    size, sha256, md5: None where unknown. max_bytes: more is refused. warn_only: another checksum
    is worth a warning. keep: a copy in the cache is used without asking the server. folder: of
    the cache, for a kept file.
    """

    url: str
    _: KW_ONLY
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    max_bytes: int = 4_000_000_000
    limit: str = "--max-size"
    warn_only: bool = False
    keep: bool = False
    folder: str = ""

    @property
    def name(self) -> str:
        """The file's name, as the URL ends."""
        name = unquote(urlsplit(self.url).path.rpartition("/")[2])
        return re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII).lstrip(".")[-100:] or "download"

    @property
    def shown(self) -> str:
        """The URL without a user name, password or query, for messages."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def cache_folder(chosen: str | None) -> Path:
    """Return the folder that keeps downloads; raises UsageError where there is no home for one."""
    if chosen is not None:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # the XDG specification: anything else is to be ignored
        return Path(base) / "mfcli"
    try:
        return Path.home() / ".cache" / "mfcli"
    except RuntimeError:
        raise UsageError("there is no home folder to keep downloads in: give --cache-dir") from None


def download(
    wanted: Wanted, cache_dir: str | None, on_event: OnEvent, patience: Patience = PATIENCE
) -> Path:
    """Return the path of a file in the cache, downloaded if it must be.

    Raises DownloadError, with the way to do without, for whatever the network, the server or the
    content does wrong.
    """
    check_url(wanted.url)
    folder = cache_folder(cache_dir) / wanted.folder
    if not wanted.keep:
        folder /= "url-" + hashlib.sha256(wanted.url.encode()).hexdigest()[:16]
    _make_writable(folder)
    target = folder / wanted.name
    with _turn(target, on_event):
        known = _usable(wanted, target, on_event)
        if known is not None and (wanted.keep or wanted.sha256):
            on_event(Noted(f"{wanted.name}: from the cache ({target})"))
            return target
        with naming(target):
            _Transfer(wanted, target, on_event, patience, known or {}).run()
    return target


def _make_writable(folder: Path) -> None:
    """Make a folder of the cache; raises SystemRefusedError where nothing can be kept in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror
    else:
        if os.access(folder, os.W_OK | os.X_OK):
            return
        reason = "it cannot be written"
    raise SystemRefusedError(
        f"{folder}: downloads cannot be kept there ({reason}): name another folder with --cache-dir"
    )


@contextmanager
def _turn(target: Path, on_event: OnEvent) -> Iterator[None]:
    """Hold the lock of a cache entry; wait for another run that holds it."""
    descriptor = os.open(f"{target}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_event(Noted(f"{target.name}: another run is downloading it; waiting for it"))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _usable(wanted: Wanted, target: Path, on_event: OnEvent) -> dict[str, Any] | None:
    """Return what is known of a copy in the cache; one that is not as it should be is deleted."""
    if not target.is_file():
        return None
    problem = _problem(wanted, target)
    if problem and not wanted.warn_only:
        target.unlink()
        on_event(
            Warned(WarningCode.download, f"{target}: {problem}; deleted, and downloaded again")
        )
        return None
    return _load(_sidecar(target))


def _sidecar(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _load(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _problem(wanted: Wanted, path: Path) -> str | None:
    """Return what is wrong with a whole file, or None."""
    size = path.stat().st_size
    if wanted.size is not None and size != wanted.size:
        return f"has {counted(size, 'byte')}, not {wanted.size:,}"
    for kind, expected in (("sha256", wanted.sha256), ("md5", wanted.md5)):
        if expected is None:
            continue
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, kind).hexdigest()
        if found != expected.lower():
            return f"its {kind} is {found}, not {expected.lower()}"
    return None


class _Transfer:
    """One download, over as many connections as it takes."""

    def __init__(
        self,
        wanted: Wanted,
        target: Path,
        on_event: OnEvent,
        patience: Patience,
        known: dict[str, Any],
    ) -> None:
        """Prepare; ``known`` are the validators of a copy in the cache."""
        self.wanted, self.target, self.on_event = wanted, target, on_event
        self.patience, self.known = patience, known
        self.part = target.with_name(f"{target.name}.part")

    def run(self) -> None:
        """Download, check, rename; raises DownloadError."""
        failures, reason = 0, "no connection lasted"
        for _ in range(self.patience.connections):
            before = self._size()
            try:
                self._attempt()
            except BrokenError as error:
                # A connection that brought something is worth another.
                failures = 1 if self._size() > before + (1 << 20) else failures + 1
                reason = str(error)
                if failures > self.patience.retries:
                    break
                wait = max(error.wait, self.patience.backoff * 2**failures)
                self.on_event(Noted(f"{self.wanted.name}: {reason}; trying again in {wait:.1f} s"))
                time.sleep(wait)
            else:
                return
        raise DownloadError(f"{self.wanted.shown}: {reason}: try again later, or {BY_HAND}")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _attempt(self) -> None:
        """Make one connection that ends with the file in its place; raises BrokenError."""
        offset = self._size()
        headers = self._headers(offset)
        if not any(key == "Range" for key in headers):
            offset = 0
        with open_url(self.wanted.url, headers, self.patience) as response:
            if response.status == 304 and self.known:
                self.on_event(Noted(f"{self.wanted.name}: not changed, from the cache"))
                return
            if response.status == 416:
                self._beyond(response.headers.get("Content-Range", ""), offset)
                return
            if response.status == 206 and not _begins_at(response.headers, offset):
                self._forget()
                raise BrokenError("the server sent another part of the file than asked for")
            if response.status != 206:
                offset = 0
            self._receive(response, offset)
        self._finish(resumed=offset > 0)

    def _headers(self, offset: int) -> dict[str, str]:
        """Ask for the rest where it can be known to be of the same file, else for all."""
        if offset:
            validator = _validator(_load(_sidecar(self.part)))
            if validator:
                return {"Range": f"bytes={offset}-", "If-Range": validator}
            if self.wanted.sha256 or self.wanted.md5:
                return {"Range": f"bytes={offset}-"}
        headers = {}
        if self.known.get("etag"):
            headers["If-None-Match"] = self.known["etag"]
        if self.known.get("modified"):
            headers["If-Modified-Since"] = self.known["modified"]
        return headers

    def _beyond(self, content_range: str, offset: int) -> None:
        """Take a refused range as the end of the file if it begins just there."""
        if offset and content_range == f"bytes */{offset}":
            self._finish(resumed=True)
            return
        self._forget()
        raise BrokenError("the server has another file than the one begun; starting over")

    def _receive(self, response: Response, offset: int) -> None:
        wanted = self.wanted
        declared = response.length
        total = None if declared is None else offset + declared
        if total is not None and wanted.size is not None and total != wanted.size:
            self._forget()
            raise DownloadError(
                f"{wanted.shown}: the server offers {counted(total, 'byte')}, and {wanted.size:,} "
                f"are expected: {BY_HAND}, or choose another --base-url"
            )
        self._check_limit(total or 0)
        require_disk(self.part, (total or wanted.size or 0) - offset)
        meta = {
            "etag": response.headers.get("ETag"),
            "modified": response.headers.get("Last-Modified"),
        }
        if not offset:
            _sidecar(self.part).write_text(json.dumps(meta), "utf-8")
        self.on_event(Started(f"downloading {wanted.name}", total or wanted.size, "bytes"))
        with self.part.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            file.truncate()
            done = offset
            for piece in response.pieces():
                done += len(piece)
                self._check_limit(done)
                file.write(piece)
                self.on_event(Progress(done, total or wanted.size))
            file.flush()
            os.fsync(file.fileno())
        if total is not None and done < total:
            raise BrokenError(f"the connection ended after {done:,} of {counted(total, 'byte')}")

    def _check_limit(self, size: int) -> None:
        limit = self.wanted.max_bytes
        if size > limit:
            self._forget()
            raise DownloadError(
                f"{self.wanted.shown}: is larger than {counted(limit, 'byte')}, the limit of "
                f"{self.wanted.limit}: raise it, or {BY_HAND}"
            )

    def _finish(self, *, resumed: bool) -> None:
        """Hold the whole file against what is known of it, and put it in its place."""
        problem = _problem(self.wanted, self.part)
        if problem and (resumed or not self.wanted.warn_only):
            self._forget()
            if resumed:  # the server may have another file by now
                raise BrokenError(f"resumed, {problem}; starting over")
            raise DownloadError(
                f"{self.wanted.name} from {self.wanted.shown}: {problem}: it was deleted; try "
                f"again, or {BY_HAND}"
            )
        if problem:
            self.on_event(
                Warned(
                    WarningCode.download,
                    f"{self.wanted.name}: {problem}; it may be a newer release",
                )
            )
        os.replace(_sidecar(self.part), _sidecar(self.target))
        os.replace(self.part, self.target)

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        _sidecar(self.part).unlink(missing_ok=True)


def _validator(meta: dict[str, Any]) -> str | None:
    """Return what If-Range may hold: a strong ETag, or else the date."""
    etag = meta.get("etag")
    if isinstance(etag, str) and not etag.startswith("W/"):
        return etag
    modified = meta.get("modified")
    return modified if isinstance(modified, str) else None


def _begins_at(headers: Mapping[str, str], offset: int) -> bool:
    found = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return found is not None and int(found[1]) == offset
