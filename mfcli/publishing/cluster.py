"""Parts of a folder of recommendations on a Dask cluster.

Dask starts the scheduler and the workers: this module submits one task a part and waits. A task
gets paths, not data: workers see the model, the files that the options name and the output's folder
under the same paths. A task is repeated where its worker dies, so each attempt builds in a folder
of its own and puts whole parts in place by renaming. A part's bytes do not depend on who makes it,
so two attempts that both end (a frozen worker that wakes up) do no harm.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from mfcli import __version__, errors
from mfcli.config import RecommendConfig, Role
from mfcli.errors import InputError, MfcliError, SystemRefusedError, UsageError
from mfcli.events import Noted, OnEvent, Progress
from mfcli.publishing.parts import (
    Part,
    PartNote,
    move_part,
    read_note,
    shared_recommender,
    write_part,
)
from mfcli.wording import counted

ATTEMPT = ".attempt-"
LOOK_SECONDS = 1.0  # between looks at whether there are workers
ANSWER_SECONDS = 10.0  # that the scheduler gets for an answer


def run_parts(
    model: Path,
    plan: dict[str, Any],
    config: RecommendConfig,
    parts: Sequence[Part],
    folder: Path,
    on_event: OnEvent,
) -> list[PartNote]:
    """Have ``parts`` written to ``folder`` by the workers of ``config.scheduler``.

    plan: what decides the bytes of the parts, the SHA-256 of the model and of the other inputs
    among it; a worker that sees other files refuses. Raises UsageError where Dask is not installed,
    SystemRefusedError where there is no scheduler or no worker in time or a part kills its workers,
    and what a worker found wrong.
    """
    spec = {
        "version": __version__,
        "model": os.path.abspath(model),
        "sha256": plan["model"]["sha256"],
        "inputs": plan["inputs"],
        "options": _options(config),
        "folder": os.path.abspath(folder),
    }
    done: list[PartNote] = []
    try:
        with _client(config) as client:
            workers = client.nthreads()
            threads = sum(workers.values())
            found = f"{counted(len(workers), 'worker')}, {counted(threads, 'thread')}"
            on_event(Noted(f"dask: {found}"))
            futures = {
                client.submit(_task(), spec, dataclasses.asdict(part), pure=False): part
                for part in parts
            }
            try:
                for future in _as_they_end(client, list(futures), config.cluster_timeout):
                    done.append(_result_of(future, futures[future], folder))
                    on_event(Progress(len(done), len(parts)))
            finally:
                client.cancel(list(futures))
    finally:
        _clear(folder)
    return done


def _options(config: RecommendConfig) -> dict[str, Any]:
    """Return plain options for a worker: absolute paths, and one thread unless told otherwise."""
    options = config.options(leave_out=Role.speed | Role.publishing | Role.gate | Role.telling)
    for name in config.given(Role.file):
        options[name] = os.path.abspath(options[name])
    # Dask runs a task a thread.
    return options | {"workers": config.workers or 1}


@contextmanager
def _client(config: RecommendConfig) -> Iterator[Any]:
    """Connect, and wait for a first worker. TLS and the like are set in Dask's configuration."""
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            f"--engine dask needs Dask ({error}): install mfcli with its extra, as in pip install "
            "'FILE.whl[dask]'"
        ) from None
    timeout, where = config.cluster_timeout, str(config.scheduler)
    _check_certificates(where)
    # What it would log, the errors below say in one line.
    quiet = {"distributed.logging.distributed": "critical"}
    with dask.config.set(quiet):
        _silence()
        try:
            client = Client(where, timeout=timeout, name="mfcli", set_as_default=False)
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            reason = str(error).partition("\n")[0][:200]
            raise SystemRefusedError(
                f"--scheduler {where}: no Dask scheduler answered within {timeout:g} s ({reason}): "
                "start one with dask scheduler, or correct the address"
            ) from None
        try:
            try:
                client.wait_for_workers(1, timeout=timeout)
            except TimeoutError:
                raise _no_worker(config.cluster_timeout) from None
            yield client
        finally:
            client.close(timeout=ANSWER_SECONDS)


def _check_certificates(where: str) -> None:
    """Raise UsageError where a client of ``where`` could not even try."""
    from distributed.security import Security

    if not where.startswith("tls://"):
        return
    try:
        ready = Security().get_connection_args("client").get("ssl_context") is not None
        reason = "they name no ca-file, or no cert and key of a client"
    except (OSError, ValueError) as error:
        ready, reason = False, str(error)
    if not ready:
        raise UsageError(
            f"--scheduler {where}: Dask's settings have no certificates for it ({reason}): set "
            "distributed.comm.tls.ca-file, .client.cert and .client.key"
        )


def _silence() -> None:
    import logging

    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _no_worker(timeout: float) -> SystemRefusedError:
    return SystemRefusedError(
        f"the Dask scheduler had no worker for {timeout:g} s: start some with dask worker, look at "
        "their logs for why they ended, or give a longer --cluster-timeout; --resume keeps the "
        "parts that are there"
    )


def _task() -> Callable[[dict[str, Any], dict[str, Any]], list[Any]]:
    """Make what is sent to a worker: by value, as a nested function is, so that it arrives where
    mfcli is missing too, and says so.
    """  # noqa: D205

    def task(spec: dict[str, Any], part: dict[str, Any]) -> list[Any]:
        try:
            from mfcli.publishing.cluster import on_worker
        except ImportError as error:
            return ["missing", str(error)]
        return on_worker(spec, part)

    return task


def _as_they_end(client: Any, futures: list[Any], timeout: float) -> Iterator[Any]:
    """Yield futures as they end; raises SystemRefusedError where no worker is left to end them.

    A scheduler waits for workers for ever, and says nothing.
    """
    import distributed

    ended = distributed.as_completed(futures, loop=client.loop)
    seen = time.monotonic()
    looked = seen
    while not ended.is_empty():
        batch = ended.next_batch(block=False)
        yield from batch
        now = time.monotonic()
        if batch:
            seen = now
            continue
        if now - looked > LOOK_SECONDS:
            looked = now
            if _workers(client):
                seen = now
            elif now - seen > timeout:
                raise _no_worker(timeout)
        time.sleep(0.02)


def _workers(client: Any) -> int:
    try:
        return len(client.sync(client.scheduler.ncores, callback_timeout=ANSWER_SECONDS))
    except (OSError, TimeoutError, RuntimeError):
        raise SystemRefusedError(
            "the Dask scheduler went away: start it again; --resume keeps the parts that are there"
        ) from None


def _result_of(future: Any, part: Part, folder: Path) -> PartNote:
    from distributed import KilledWorker

    if future.status != "finished":
        error = future.exception() if future.status == "error" else None
        if isinstance(error, KilledWorker):
            raise SystemRefusedError(
                f"{part.name}: each worker that took it died, and Dask gave up: look at the "
                "workers' logs (out of memory?), and take fewer --part-users"
            )
        if error is None:
            raise SystemRefusedError(
                f"{part.name}: Dask lost its task ({future.status}): was the scheduler restarted? "
                "--resume keeps the parts that are there"
            )
        raise error
    kind, answer = future.result()
    if kind == "missing":
        raise SystemRefusedError(
            f"a Dask worker cannot import mfcli ({answer}): install the same mfcli there, with "
            "what it needs"
        )
    if kind != "done":
        known: type[MfcliError] = getattr(errors, kind, SystemRefusedError)
        raise known(f"on a Dask worker: {answer}")
    found = read_note(folder, part)
    if found is None or found.sha256 != answer["sha256"]:
        raise InputError(
            f"{folder / part.name}: a worker wrote it, but it is not here: workers need the "
            "output's folder under the same path"
        )
    return found


def _clear(folder: Path) -> None:
    """Remove what workers that died have left."""
    for attempt in folder.glob(f"{ATTEMPT}*"):
        shutil.rmtree(attempt, ignore_errors=True)


# --- on a worker ------------------------------------------------------------------------------

_LAYING_OUT = threading.Lock()


def on_worker(spec: dict[str, Any], part: dict[str, Any]) -> list[Any]:
    """Write one part; returns ``["done", result]``, or the name of an error and its message."""
    try:
        return ["done", dataclasses.asdict(_attempt(spec, Part(**part)))]
    except MfcliError as error:
        return [type(error).__name__, str(error)]
    except MemoryError:
        return ["SystemRefusedError", "out of memory: take fewer --part-users"]
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return ["SystemRefusedError", f"{where}{error.strerror}"]


def _attempt(spec: dict[str, Any], part: Part) -> PartNote:
    from threadpoolctl import threadpool_limits

    _refuse_other(spec)
    folder, model = Path(spec["folder"]), Path(spec["model"])
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder: workers need it under the same path")
    config = RecommendConfig.merge(("", spec["options"]))
    with _LAYING_OUT:  # a worker's threads share one recommender
        # For good: tasks that set and restore it side by side would undo each other.
        threadpool_limits(1, user_api="blas")
        recommender, inputs = shared_recommender(model, config)
    if inputs != spec["inputs"]:
        raise InputError("a file named by the options differs there: workers need the same files")
    attempt = Path(tempfile.mkdtemp(prefix=ATTEMPT, dir=folder))
    try:
        note = write_part(recommender, part, attempt)
        move_part(part, attempt, folder)
    finally:
        shutil.rmtree(attempt, ignore_errors=True)
    return note


def _refuse_other(spec: dict[str, Any]) -> None:
    """Raise where this worker is not what the run needs."""
    if spec["version"] != __version__:
        raise SystemRefusedError(
            f"its mfcli is {__version__}, not {spec['version']}: install the same one"
        )
    model = Path(spec["model"])
    if not model.is_file():
        raise InputError(f"{model}: no such file: workers need the model under the same path")
    status = model.stat()
    if _digest(str(model), status.st_size, status.st_mtime_ns) != spec["sha256"]:
        raise InputError(f"{model}: is another model there: workers need the same file")


@lru_cache(maxsize=1)
def _digest(model: str, size: int, changed: int) -> str:  # noqa: ARG001 - what it is cached by
    from mfcli.artifacts import file_sha256

    return file_sha256(Path(model))
