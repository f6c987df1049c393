"""Downloads from real servers on loopback that misbehave: each a clear error or a success."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mfcli.errors import DownloadError, UsageError
from mfcli.events import Event, Noted, Progress, Started, Warned, ignore
from mfcli.sources.download import Patience, Wanted, cache_folder, download

CONTENT = bytes(range(256)) * 1200  # 300 KB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()
QUICK = Patience(
    connect=2.0,
    read=0.5,
    headers=1.5,
    window=0.4,
    slowest=2_000,
    retries=2,
    connections=20,
    backoff=0.01,
    longest_wait=0.05,
)

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers with what the server's ``answer`` does, and keeps what was asked."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        with self.server.guard:
            self.server.asked.append(dict(self.headers.items()))
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self.server.answer(self)
        self.close_connection = True

    def start(self, status: int, **headers: str | int) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Answer

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, str]] = []
        self.guard = threading.Lock()
        self.stop = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that hang up: these tests are about them."""

    @property
    def times(self) -> int:
        return len(self.asked)


@dataclass
class Site:
    """A server under test, and a cache."""

    server: Server
    cache: Path
    scheme: str = "http"
    events: list[Event] = field(default_factory=list)

    def wanted(self, **known: object) -> Wanted:
        url = f"{self.scheme}://127.0.0.1:{self.server.server_port}/data/ratings.csv"
        return replace(Wanted(url), **known)  # type: ignore[arg-type]

    def get(self, answer: Answer, patience: Patience = QUICK, **known: object) -> Path:
        self.server.answer = answer
        return download(self.wanted(**known), str(self.cache), self.events.append, patience)

    def left(self) -> list[str]:
        """Return the files in the cache but for locks."""
        files = (path for path in self.cache.rglob("*") if path.is_file())
        return sorted(file.name for file in files if file.suffix != ".lock")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield Site(server, tmp_path / "cache")
    server.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


def good(handler: Handler) -> None:
    """Serve the content, with Range and validators, as a good server does."""
    start = 0
    asked = handler.headers.get("Range")
    if asked and handler.headers.get("If-Range", '"v1"') == '"v1"':
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        handler.start(
            206,
            Content_Length=len(CONTENT) - start,
            ETag='"v1"',
            Content_Range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}",
        )
    elif handler.headers.get("If-None-Match") == '"v1"':
        handler.start(304, ETag='"v1"')
        return
    else:
        handler.start(200, Content_Length=len(CONTENT), ETag='"v1"')
    handler.wfile.write(CONTENT[start:])


def status(code: int, **headers: str | int) -> Answer:
    return lambda handler: handler.start(code, Content_Length=0, **headers)


def in_turn(*answers: Answer) -> Answer:
    """Give the answers one after the other, the last one for ever."""
    return lambda handler: answers[min(handler.server.times, len(answers)) - 1](handler)


def cut_off(at: int, **headers: str | int) -> Answer:
    """Promise everything and hang up after ``at`` bytes."""

    def answer(handler: Handler) -> None:
        handler.start(200, Content_Length=len(CONTENT), **headers)
        handler.wfile.write(CONTENT[:at])

    return answer


def redirect(to: str) -> Answer:
    return status(302, Location=to)


class TestSuccess:
    def test_a_file_is_downloaded_whole_and_shown_as_it_comes(self, site: Site) -> None:
        path = site.get(good, sha256=SHA256, md5=MD5, size=len(CONTENT))
        assert path.read_bytes() == CONTENT
        assert path.name == "ratings.csv"
        done = [event for event in site.events if isinstance(event, Progress)]
        assert done[-1] == Progress(len(CONTENT), len(CONTENT))
        assert any(isinstance(event, Started) for event in site.events)
        assert site.left() == ["ratings.csv", "ratings.csv.json"]

    def test_a_checked_file_is_not_downloaded_again(self, site: Site) -> None:
        site.get(good, sha256=SHA256)
        assert site.get(status(500), sha256=SHA256).read_bytes() == CONTENT
        assert site.server.times == 1

    def test_an_unchecked_url_is_asked_whether_it_has_changed(self, site: Site) -> None:
        """A nightly job sees new data; an unchanged file is not sent again."""
        site.get(good)
        assert site.get(good).read_bytes() == CONTENT
        assert site.server.asked[1]["If-None-Match"] == '"v1"'

        def newer(handler: Handler) -> None:
            handler.start(200, Content_Length=3)
            handler.wfile.write(b"new")

        assert site.get(newer).read_bytes() == b"new"

    def test_a_named_set_in_the_cache_needs_no_server(self, site: Site) -> None:
        path = site.get(good, keep=True, md5=MD5)
        assert path.parent == site.cache
        site.get(status(404), keep=True, md5=MD5)
        assert site.server.times == 1

    def test_a_damaged_file_in_the_cache_is_replaced(self, site: Site) -> None:
        path = site.get(good, keep=True, sha256=SHA256)
        path.write_bytes(CONTENT[:-1])
        assert site.get(good, keep=True, sha256=SHA256).read_bytes() == CONTENT
        assert any(
            isinstance(event, Warned) and str(path) in event.message for event in site.events
        )

    def test_a_chunked_body_without_a_length_is_read_to_its_end(self, site: Site) -> None:
        def chunked(handler: Handler) -> None:
            handler.start(200, Transfer_Encoding="chunked")
            for begin in range(0, len(CONTENT), 50_000):
                piece = CONTENT[begin : begin + 50_000]
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            handler.wfile.write(b"0\r\n\r\n")

        assert site.get(chunked).read_bytes() == CONTENT

    def test_the_bytes_of_a_file_are_kept_whatever_the_content_encoding(self, site: Site) -> None:
        def encoded(handler: Handler) -> None:
            handler.start(200, Content_Length=len(CONTENT), Content_Encoding="gzip")
            handler.wfile.write(CONTENT)

        assert site.get(encoded, sha256=SHA256).read_bytes() == CONTENT

    def test_redirects_within_http_are_followed(self, site: Site) -> None:
        path = site.get(in_turn(redirect("/elsewhere"), redirect("again"), good), sha256=SHA256)
        assert path.read_bytes() == CONTENT


class TestBrokenConnections:
    @pytest.mark.parametrize("code", [500, 502, 503, 429])
    def test_a_server_error_is_tried_again(self, site: Site, code: int) -> None:
        assert site.get(in_turn(status(code), good)).read_bytes() == CONTENT

    def test_retry_after_is_heeded_within_bounds(self, site: Site) -> None:
        site.get(in_turn(status(503, Retry_After=3600), good))
        assert any(
            isinstance(event, Noted) and "again in" in event.message for event in site.events
        )

    def test_a_server_error_that_stays_ends_after_the_retries(self, site: Site) -> None:
        with pytest.raises(DownloadError, match=r"503.*by hand"):
            site.get(status(503))
        assert site.server.times == QUICK.retries + 1
        assert site.left() == []

    def test_a_connection_reset_half_way_is_resumed(self, site: Site) -> None:
        path = site.get(in_turn(cut_off(100_000, ETag='"v1"'), good), sha256=SHA256)
        assert path.read_bytes() == CONTENT
        assert site.server.asked[1]["Range"] == "bytes=100000-"
        assert site.server.asked[1]["If-Range"] == '"v1"'

    def test_the_next_run_goes_on_where_the_last_one_stopped(self, site: Site) -> None:
        with pytest.raises(DownloadError, match="500"):
            site.get(in_turn(cut_off(100_000, ETag='"v1"'), status(500)), sha256=SHA256)
        assert "ratings.csv.part" in site.left()
        assert site.get(good, sha256=SHA256).read_bytes() == CONTENT
        assert site.server.asked[-1]["Range"] == "bytes=100000-"

    def test_a_file_that_changed_meanwhile_is_not_patched_together(self, site: Site) -> None:
        path = site.get(in_turn(cut_off(100_000, ETag='"v0"'), good))
        assert path.read_bytes() == CONTENT

    def test_without_validator_or_checksum_a_broken_download_begins_anew(self, site: Site) -> None:
        path = site.get(in_turn(cut_off(100_000), good))
        assert path.read_bytes() == CONTENT
        assert "Range" not in site.server.asked[1]

    def test_a_server_without_range_sends_all_of_it_again(self, site: Site) -> None:
        def whole(handler: Handler) -> None:
            handler.start(200, Content_Length=len(CONTENT), ETag='"v1"')
            handler.wfile.write(CONTENT)

        path = site.get(in_turn(cut_off(100_000, ETag='"v1"'), whole), sha256=SHA256)
        assert path.read_bytes() == CONTENT
        assert "Range" in site.server.asked[1]

    def test_a_server_that_sends_another_range_is_asked_for_all(self, site: Site) -> None:
        def elsewhere(handler: Handler) -> None:
            handler.start(206, Content_Length=5, Content_Range=f"bytes 0-4/{len(CONTENT)}")
            handler.wfile.write(CONTENT[:5])

        path = site.get(in_turn(cut_off(1000, ETag='"v1"'), elsewhere, good), sha256=SHA256)
        assert path.read_bytes() == CONTENT

    def test_a_range_beyond_the_end_of_a_whole_file_is_its_end(self, site: Site) -> None:
        """The last run was killed between the last byte and the renaming."""
        site.get(good, sha256=SHA256)
        folder = next(site.cache.glob("url-*"))
        for name in ("ratings.csv", "ratings.csv.json"):
            suffix = name.removeprefix("ratings.csv")
            (folder / name).rename(folder / f"ratings.csv.part{suffix}")
        path = site.get(status(416, Content_Range=f"bytes */{len(CONTENT)}"), sha256=SHA256)
        assert path.read_bytes() == CONTENT

    def test_a_server_that_does_not_answer_is_a_clear_error(self, site: Site) -> None:
        def silent(handler: Handler) -> None:
            handler.server.stop.wait(5)

        with pytest.raises(DownloadError, match=r"in time.*by hand"):
            site.get(silent)

    def test_a_port_where_nobody_listens_is_a_clear_error(self, tmp_path: Path) -> None:
        server = Server()
        server.server_close()
        url = f"http://127.0.0.1:{server.server_port}/x.csv"
        with pytest.raises(DownloadError, match=r"cannot connect.*by hand"):
            download(Wanted(url), str(tmp_path), ignore, QUICK)


class TestWrongContent:
    def test_a_missing_file_is_named_with_the_way_out(self, site: Site) -> None:
        with pytest.raises(DownloadError, match=r"data/ratings\.csv: the server answers 404.*hand"):
            site.get(status(404))
        assert site.server.times == 1
        assert site.left() == []

    @pytest.mark.parametrize("known", [{"sha256": "0" * 64}, {"md5": "0" * 32}])
    def test_a_wrong_checksum_deletes_the_file_and_names_it(
        self, site: Site, known: dict[str, str]
    ) -> None:
        with pytest.raises(DownloadError, match=r"ratings\.csv.*not 0000.*deleted.*by hand"):
            site.get(good, QUICK, **known)
        assert site.left() == []

    def test_a_new_release_is_worth_a_warning(self, site: Site) -> None:
        path = site.get(good, keep=True, sha256="0" * 64, warn_only=True)
        assert path.read_bytes() == CONTENT
        assert any(isinstance(event, Warned) for event in site.events)

    def test_a_length_that_is_too_short_fails_the_checksum(self, site: Site) -> None:
        def short(handler: Handler) -> None:
            handler.start(200, Content_Length=1000)
            handler.wfile.write(CONTENT)

        with pytest.raises(DownloadError, match="sha256"):
            site.get(short, sha256=SHA256)
        assert site.left() == []

    def test_a_length_that_is_too_long_counts_as_broken(self, site: Site) -> None:
        def long(handler: Handler) -> None:
            handler.start(200, Content_Length=2 * len(CONTENT))
            handler.wfile.write(CONTENT)

        with pytest.raises(DownloadError, match=r"broke|ended"):
            site.get(long, sha256=SHA256)
        assert "ratings.csv" not in site.left()

    def test_a_set_of_another_size_is_refused_before_it_is_read(self, site: Site) -> None:
        with pytest.raises(DownloadError, match=rf"offers {len(CONTENT):,} bytes, and 7 are"):
            site.get(good, size=7)
        assert site.left() == []

    def test_a_body_without_end_stops_at_the_limit(self, site: Site) -> None:
        def endless(handler: Handler) -> None:
            handler.start(200)
            while not handler.server.stop.is_set():
                handler.wfile.write(CONTENT)

        with pytest.raises(DownloadError, match=r"larger than 2,000,000 bytes.*--max-size"):
            site.get(endless, max_bytes=2_000_000)
        assert site.left() == []

    def test_a_declared_length_beyond_the_limit_is_refused_at_once(self, site: Site) -> None:
        with pytest.raises(DownloadError, match="larger than 10 bytes"):
            site.get(good, max_bytes=10)

    def test_a_slow_drip_ends_in_time_and_can_go_on_later(self, site: Site) -> None:
        def drip(handler: Handler) -> None:
            handler.start(200, Content_Length=len(CONTENT), ETag='"v1"')
            for byte in CONTENT:
                if handler.server.stop.wait(0.05):
                    return
                handler.wfile.write(bytes([byte]))

        begun = time.monotonic()
        with pytest.raises(DownloadError, match=r"too slow.*try again"):
            site.get(drip, sha256=SHA256)
        assert time.monotonic() - begun < 30
        assert site.get(good, sha256=SHA256).read_bytes() == CONTENT
        assert "Range" in site.server.asked[-1]

    def test_an_answer_that_drips_from_its_first_line_on_ends_in_time(self, site: Site) -> None:
        def drip(handler: Handler) -> None:
            for byte in b"HTTP/1.1 200 OK\r\nX-Filling: " + b"x" * 1000:
                if handler.server.stop.wait(0.05):
                    return
                handler.wfile.write(bytes([byte]))

        with pytest.raises(DownloadError, match="no answer within"):
            site.get(drip)


class TestCredentials:
    def test_a_netrc_is_not_asked(self, site: Site, tmp_path: Path, monkeypatch) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("default login me password secret\n")
        monkeypatch.setenv("NETRC", str(netrc))
        site.get(good)
        assert "Authorization" not in site.server.asked[0]

    def test_a_url_may_name_user_and_password(self, site: Site) -> None:
        url = site.wanted().url.replace("://", "://me:a%40b@")
        site.get(good, url=url)
        told = site.server.asked[0]["Authorization"].removeprefix("Basic ")
        assert base64.b64decode(told) == b"me:a@b"


class TestRedirects:
    def test_a_loop_ends(self, site: Site) -> None:
        with pytest.raises(DownloadError, match="redirects more than"):
            site.get(redirect("/data/ratings.csv"))

    @pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
    def test_another_scheme_is_not_followed(self, site: Site, target: str) -> None:
        with pytest.raises(DownloadError, match="not followed"):
            site.get(redirect(target))
        assert site.left() == []


@pytest.fixture
def secure(site: Site, tmp_path: Path) -> Site:
    """Put the site behind a certificate that nobody has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command, which makes the certificate, is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            key,
            "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    site.scheme = "https"
    return site


class TestCertificates:
    def test_one_that_cannot_be_trusted_ends_with_the_way_out(self, secure: Site) -> None:
        with pytest.raises(DownloadError, match=r"certificate cannot be trusted.*by hand"):
            secure.get(good)
        assert secure.left() == []

    def test_a_way_from_https_to_http_is_not_followed(
        self, secure: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
        with pytest.raises(DownloadError, match="redirects from https to http"):
            secure.get(redirect("http://127.0.0.1:1/x"))
        assert secure.get(good).read_bytes() == CONTENT


def test_two_fetches_of_one_set_download_it_once(site: Site) -> None:
    begun = threading.Event()

    def slowly(handler: Handler) -> None:
        begun.set()
        time.sleep(0.3)
        good(handler)

    site.server.answer = slowly
    paths: list[Path] = []

    def fetch() -> None:
        wanted = site.wanted(keep=True, sha256=SHA256)
        paths.append(download(wanted, str(site.cache), site.events.append, QUICK))

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    threads[0].start()
    assert begun.wait(5)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() for path in paths] == [CONTENT, CONTENT]
    assert site.server.times == 1
    assert any(isinstance(event, Noted) and "waiting" in event.message for event in site.events)


@pytest.mark.parametrize("url", ["http://", "http:///x", "http://[::1", "http://a b/c"])
def test_what_is_no_url_is_wrong_usage(url: str, tmp_path: Path) -> None:
    with pytest.raises((UsageError, DownloadError)):
        download(Wanted(url), str(tmp_path), ignore, QUICK)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x.org/a/b.zip?download=1", "b.zip"),
        ("https://x.org/a/..%2f..%2fetc", "etc"),
        ("https://x.org/%2e%2e", "download"),
        ("https://x.org/", "download"),
        ("https://x.org/é x.csv", "__x.csv"),
    ],
)
def test_the_name_in_the_cache_is_the_urls_made_harmless(url: str, name: str) -> None:
    assert Wanted(url).name.endswith(name)
    assert "/" not in Wanted(url).name
    assert not Wanted(url).name.startswith(".")


def test_a_message_shows_no_password_and_no_token() -> None:
    shown = Wanted("https://me:secret@x.org/a.csv?token=abc").shown
    assert shown == "https://x.org/a.csv"


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder(None) == tmp_path / "mfcli"
    assert cache_folder("there") == Path("there")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder(None) == tmp_path / ".cache" / "mfcli"


def test_without_a_home_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(UsageError, match="--cache-dir"):
        cache_folder(None)
