"""One GET over http(s), with every fault turned into BrokenError (try again) or DownloadError."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import requests.auth
import urllib3

from mfcli import __version__
from mfcli.errors import DownloadError, UsageError
from mfcli.wording import counted, duration

MAX_REDIRECTS = 5
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USED = frozenset({200, 206, 304, 416})
_HAND = "download the file by hand (a browser, curl) and pass it instead, or give --base-url"


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try.

    headers: for the whole head of an answer. window, slowest: fewer bytes than this within a
    window end the download. retries: failed connections in a row; connections: all of them.
    """

    connect: float = 15.0
    read: float = 30.0
    headers: float = 60.0
    window: float = 60.0
    slowest: int = 60_000
    retries: int = 4
    connections: int = 50
    backoff: float = 0.5
    longest_wait: float = 60.0


PATIENCE = Patience()


class BrokenError(Exception):
    """A fault that may pass; ``wait`` is what the server asks for, in seconds."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        """Keep the message and the wait."""
        super().__init__(message)
        self.wait = wait


class Response:
    """An answer that is being read."""

    def __init__(self, response: requests.Response, patience: Patience) -> None:
        """Wrap an answer of requests."""
        self._raw: Any = response.raw
        self._url = _shown(response.url)
        self._patience = patience
        self.status = response.status_code
        self.headers = response.headers

    @property
    def length(self) -> int | None:
        """How many bytes the body is said to have, or None."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes; raises BrokenError, or DownloadError where it is slow."""
        patience = self._patience
        since, received = time.monotonic(), 0
        while True:
            try:
                # One receive each: read() would wait for all of the bytes that a slow server drips.
                piece = self._raw.read1(1 << 18, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise BrokenError(f"the connection broke ({_reason(error)})") from None
            if not piece:
                return
            received += len(piece)
            now = time.monotonic()
            if now - since > patience.window:
                if received < patience.slowest:
                    raise DownloadError(
                        f"{self._url}: the server sent {counted(received, 'byte')} in "
                        f"{now - since:.0f} s, "
                        f"too slow to wait for: try again (it goes on from there), or {_HAND}"
                    )
                since, received = now, 0
            yield piece


def check_url(url: str) -> None:
    """Raise UsageError for what is not an http(s) URL."""
    try:
        parts = urlsplit(url)
        fine = bool(parts.hostname) and parts.scheme.lower() in ("http", "https")
        fine = fine and parts.port != 0  # a malformed port raises
    except ValueError:
        fine = False
    if not fine:
        raise UsageError(f"{url!r} is not a valid http(s) URL")


@contextmanager
def open_url(url: str, headers: Mapping[str, str], patience: Patience) -> Iterator[Response]:
    """GET a URL, following redirects within http(s) and never from https to http.

    The status is 200, 206, 304 or 416. Raises BrokenError for what may pass (5xx, a broken
    connection), DownloadError for the rest, UsageError for what is not a URL.
    """
    with requests.Session() as session:
        response = _follow(session, url, headers, patience)
        with response:
            _check_status(response, patience)
            yield Response(response, patience)


def _follow(
    session: requests.Session, url: str, headers: Mapping[str, str], patience: Patience
) -> requests.Response:
    start = url
    for _ in range(MAX_REDIRECTS + 1):
        response = _get(session, url, headers, patience)
        target = response.headers.get("Location")
        if response.status_code not in _REDIRECTS or target is None:
            return response
        response.close()
        try:
            target = urljoin(url, target)
            scheme = urlsplit(target).scheme.lower()
        except ValueError:
            raise DownloadError(
                f"{_shown(start)}: redirects to something that is not a URL: {_HAND}"
            ) from None
        if scheme not in ("http", "https"):
            raise DownloadError(f"{_shown(start)}: redirects to {scheme}://, which is not followed")
        if scheme == "http" and urlsplit(url).scheme.lower() == "https":
            raise DownloadError(
                f"{_shown(start)}: redirects from https to http ({_shown(target)}), which is not "
                f"followed: {_HAND}"
            )
        url = target
    raise DownloadError(f"{_shown(start)}: redirects more than {MAX_REDIRECTS} times: {_HAND}")


def _get(
    session: requests.Session, url: str, headers: Mapping[str, str], patience: Patience
) -> requests.Response:
    """Return the head of an answer, within ``patience.headers`` however slowly it drips."""
    # Accept-Encoding: the bytes of the file itself are wanted, for its length and checksum.
    fields = {"User-Agent": f"mfcli/{__version__}", "Accept-Encoding": "identity", **headers}
    box: list[Any] = []

    def ask() -> None:
        try:
            box.append(
                session.get(
                    url,
                    headers=fields,
                    auth=_Credentials(url),
                    stream=True,
                    allow_redirects=False,
                    timeout=(patience.connect, patience.read),
                )
            )
        except Exception as error:
            box.append(error)

    # The socket's time-out starts anew with every byte, so the whole needs a clock of its own.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience.headers)
    if not box:
        raise DownloadError(
            f"{_shown(url)}: no answer within {duration(patience.headers)}: {_HAND}"
        )
    if isinstance(box[0], requests.Response):
        return box[0]
    raise _translated(box[0], url) from None


class _Credentials(requests.auth.AuthBase):
    """Who asks: whom the URL names, never whom a .netrc does, which was not meant for us."""

    def __init__(self, url: str) -> None:
        """Take user and password out of a URL, if they are there."""
        self._pair = requests.utils.get_auth_from_url(url)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add them to a request."""
        return requests.auth.HTTPBasicAuth(*self._pair)(request) if any(self._pair) else request


def _translated(error: Exception, url: str) -> Exception:
    kinds = requests.exceptions
    if isinstance(error, kinds.SSLError):
        return DownloadError(
            f"{_shown(url)}: its certificate cannot be trusted ({_reason(error)}): {_HAND}"
        )
    if isinstance(
        error,
        kinds.InvalidURL
        | kinds.MissingSchema
        | kinds.InvalidSchema
        | UnicodeError
        | urllib3.exceptions.LocationParseError,
    ):
        return UsageError(f"{_shown(url)}: is not a valid URL")
    if isinstance(error, kinds.Timeout):
        return BrokenError("the server does not answer in time")
    if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError | OSError):
        return BrokenError(f"cannot connect ({_reason(error)})")
    return error


def _check_status(response: requests.Response, patience: Patience) -> None:
    status = response.status_code
    if status in _USED:
        return
    what = f"{_shown(response.url)}: the server answers {status} {response.reason or ''}".rstrip()
    if status in _AGAIN:
        after = response.headers.get("Retry-After", "")
        wait = float(after) if after.isascii() and after.isdigit() else 0.0
        raise BrokenError(f"the server answers {status}", min(wait, patience.longest_wait))
    raise DownloadError(f"{what}: check the address, or {_HAND}")


def _reason(error: BaseException) -> str:
    """Return the innermost reason in a few words."""
    while True:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            break
        error = inner
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).replace("\n", " ")[:160]


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
