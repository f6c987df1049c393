"""How kernels are compiled, kept on disk, and announced.

numba keeps compiled code beside the file of its function and compiles anew when that file changes,
but a kernel also holds what it inlined from the other files of this package. So every kernel is
kept under the state of all of them: an edit in one makes all of them compile again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numba
from numba.core import event
from numba.np import linalg


def _import_without_blas() -> None:
    """Import what numba would import at its first call, less SciPy's linear algebra.

    numba asks whether SciPy has a BLAS, and uses the answer for convolutions only, of which no
    kernel has any: the import takes as long as scoring a small catalogue. ``np.dot`` in a kernel
    asks again.
    """

    def no_blas() -> None:
        raise ImportError

    ensure_blas, linalg.ensure_blas = linalg.ensure_blas, no_blas
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        linalg.ensure_blas = ensure_blas


_import_without_blas()

# Sums may be reordered into vectors; NaN and infinity keep their meaning, so divergence shows.
FAST = {"reassoc", "contract", "nsz", "arcp"}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _sources() -> tuple[tuple[str, int, int], ...]:
    """Return name, time of change and size of every file of the package."""
    with os.scandir(os.path.dirname(os.path.abspath(__file__))) as files:
        found = [(file.name, file.stat()) for file in files if file.name.endswith(".py")]
    return tuple(sorted((name, of.st_mtime_ns, of.st_size) for name, of in found))


_SOURCES = _sources()


def compiled(fastmath: bool | set[str] = False) -> Callable[[_Function], _Function]:
    """Make a kernel: `numba.njit`, GIL released, cached on disk wherever a folder can be written.

    numba looks for a writable folder itself (NUMBA_CACHE_DIR, `__pycache__`, the user's cache)
    and raises where there is none; a read-only install then compiles in each process instead.
    A cache that cannot be written later on (disk full) is no reason to stop either.
    """

    def decorate(function: _Function) -> _Function:
        try:
            kernel: Any = numba.njit(cache=True, nogil=True, fastmath=fastmath)(function)
        except RuntimeError:
            return cast(_Function, numba.njit(nogil=True, fastmath=fastmath)(function))
        cache = kernel._cache
        cache._cache_file._source_stamp = _SOURCES
        save, load = cache.save_overload, cache.load_overload

        def quiet_save(signature: Any, compiled: Any) -> None:
            try:
                save(signature, compiled)
            except OSError:
                cache.disable()

        def quiet_load(signature: Any, target: Any) -> Any:
            try:
                return load(signature, target)
            except Exception:  # a damaged cache file raises whatever pickle raises
                cache.disable()
                return None

        cache.save_overload, cache.load_overload = quiet_save, quiet_load
        return cast(_Function, kernel)

    return decorate


def inlined(function: _Function, fastmath: set[str] = FAST) -> _Function:
    """Make a part of a kernel: compiled into its callers, it needs no cache entry of its own."""
    return cast(_Function, numba.njit(nogil=True, fastmath=fastmath, forceinline=True)(function))


class _Listener(event.Listener):
    """Calls `say` when the first kernel of this package begins to compile."""

    def __init__(self, say: Callable[[bool], None]) -> None:
        self.say: Callable[[bool], None] | None = say

    def on_start(self, event: Any) -> None:
        kernel = event.data["dispatcher"]
        if self.say is not None and kernel.py_func.__module__.startswith(__package__):
            say, self.say = self.say, None
            say(getattr(kernel._cache, "_enabled", False))

    def on_end(self, event: Any) -> None:
        """Say nothing: what follows shows that it went on."""


@contextmanager
def announced(say: Callable[[bool], None]) -> Iterator[None]:
    """Call `say(kept)` once, just before a kernel is compiled in this context, in any thread.

    kept: whether the compiled code is kept on disk for later processes. Nothing is said where all
    code is in memory or comes from the disk.
    """
    with event.install_listener("numba:compile", _Listener(say)):
        yield
