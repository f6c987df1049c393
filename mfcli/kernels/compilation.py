"""How kernels are compiled, kept on disk, and announced.

numba keeps compiled code beside the file of its function and compiles anew when that file changes,
but a kernel also holds what it inlined from the other files of this package. So every kernel is
kept under a digest of all of them: an edit in one makes all of them compile again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

import numba
from numba.core import caching, event
from numba.core.registry import CPUDispatcher
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


def _sources() -> str:
    """Return a digest of all files of the package: times of change are lost in images."""
    digest, folder = hashlib.sha256(), os.path.dirname(os.path.abspath(__file__))
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb") as file:
                digest.update(f"{name}:".encode() + file.read())
    return digest.hexdigest()


_SOURCES = _sources()
_njit: Any = numba.njit
KERNELS: list[Any] = []  # all that ``compiled`` has made


class _MayBeReadOnly:
    """A place of numba's where files of kernels are used even if none can be written."""

    def ensure_cache_path(self) -> None:
        """Raise OSError where kernels can be neither kept nor found."""
        try:
            super().ensure_cache_path()  # type: ignore[misc]
        except OSError:
            path = self.get_cache_path()  # type: ignore[attr-defined]
            if not (os.path.isdir(path) and any(map(_is_index, os.listdir(path)))):
                raise


def _is_index(name: str) -> bool:
    return name.endswith(".nbi")


class _Given(_MayBeReadOnly, caching.UserProvidedCacheLocator):
    """The folder that NUMBA_CACHE_DIR names."""


class _BesideSource(_MayBeReadOnly, caching.InTreeCacheLocator):
    """The folder of Python's own compiled files."""


class _Places(caching.CompileResultCacheImpl):
    _locator_classes = [_Given, _BesideSource, caching.UserWideCacheLocator]  # noqa: RUF012


class _Cache(caching.FunctionCache):
    """Compiled kernels on disk. Whatever is wrong with a file, the kernel is compiled instead."""

    _impl_class = _Places

    def __init__(self, function: Callable[..., Any]) -> None:
        """Find the folder; raises RuntimeError where there is none."""
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._cache_file._source_stamp = _SOURCES

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel, unless the disk is full or cannot be written."""
        cache: Any = super()
        try:
            cache.save_overload(sig, data)
        except OSError:
            cache.disable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return a kernel that was kept, or None."""
        cache: Any = super()
        try:
            return cache.load_overload(sig, target_context)
        except Exception:  # a damaged file raises whatever pickle raises
            cache.disable()
            return None


def compiled(
    fastmath: bool | set[str] = False, *, allocates: bool = True
) -> Callable[[_Function], _Function]:
    """Make a kernel: `numba.njit`, GIL released, cached on disk wherever there is a folder.

    A kernel that ``allocates`` no array needs no counts of references to them: numba then changes
    none, an atomic operation each, which costs as much as the arithmetic where rows are views.

    That is the one that NUMBA_CACHE_DIR names, `__pycache__`, or the user's cache: the first that
    can be written or holds kernels already, as a read-only install that was warmed up does. Where
    there is none, each process compiles for itself.
    """

    def decorate(function: _Function) -> _Function:
        options = {"nogil": True, "fastmath": fastmath, "_nrt": allocates}
        kernel = _njit(**options, no_cfunc_wrapper=True)(function)
        with suppress(RuntimeError):
            kernel._cache = _Cache(function)
        if function.__module__.startswith(__package__):
            KERNELS.append(kernel)
        return cast(_Function, kernel)

    return decorate


class _Part(CPUDispatcher):
    """What ``inlined`` and ``called`` make: without the code that takes arguments from Python."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Raise TypeError: there is nothing to call."""
        raise TypeError(f"{self.py_func.__name__} is a part of kernels: call it from one")


def inlined(function: _Function, fastmath: set[str] = FAST) -> _Function:
    """Make a part of a kernel: compiled into its callers, it needs no cache entry of its own.

    Nor does it need a way in from Python, which takes as long to compile as the part itself. It
    allocates no array: see ``compiled``.
    """
    return _part(function, fastmath=fastmath, forceinline=True)


def pasted(function: _Function) -> _Function:
    """Make a small part of a kernel: its lines stand in its callers before they are compiled."""
    return cast(_Function, numba.njit(inline="always")(function))


def called(function: _Function) -> _Function:
    """Make a part of a kernel that is seldom reached, and large: it is compiled once, and called.

    Its sums keep their order: a copy that is inlined all the same gives the same bits.
    """
    return _part(function, fastmath=False)


def _part(function: _Function, **options: Any) -> _Function:
    without = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
    part = _njit(nogil=True, **without, **options)(function)
    part.__class__ = _Part
    return cast(_Function, part)


class _Listener(event.Listener):
    """Calls `say` when the first kernel of this package begins to compile."""

    def __init__(self, say: Callable[[str, bool], None]) -> None:
        self.say: Callable[[str, bool], None] | None = say

    def on_start(self, event: Any) -> None:
        kernel = event.data["dispatcher"]
        if self.say is not None and kernel.py_func.__module__.startswith(__package__):
            say, self.say = self.say, None
            say(kernel.py_func.__name__, getattr(kernel._cache, "_enabled", False))

    def on_end(self, event: Any) -> None:
        """Say nothing: what follows shows that it went on."""


@contextmanager
def announced(say: Callable[[str, bool], None]) -> Iterator[None]:
    """Call `say(name, kept)` once, just before a kernel is compiled in this context, in any thread.

    name: of the kernel, after which others may follow. kept: whether the compiled code is kept on
    disk for later processes. Nothing is said where all code is in memory or comes from the disk.
    """
    with event.install_listener("numba:compile", _Listener(say)):
        yield


def cache_folders() -> list[str]:
    """Return the folders that keep kernels; empty where there is none."""
    return sorted({path for kernel in KERNELS if (path := kernel._cache.cache_path) is not None})


def writable() -> bool:
    """Tell whether every kernel has a folder, and it can be written."""
    folders = cache_folders()
    placed = all(kernel._cache.cache_path is not None for kernel in KERNELS)
    return placed and all(os.access(folder, os.W_OK) for folder in folders)


def kept() -> dict[str, int]:
    """Return in how many versions each kernel is kept on disk, by its name, for this processor."""
    return {kernel.py_func.__name__: _versions(kernel) for kernel in KERNELS}


def _versions(kernel: Any) -> int:
    cache = kernel._cache
    if cache.cache_path is None:
        return 0
    try:
        index = cache._cache_file._load_index()
    except Exception:  # as in ``load_overload``
        return 0
    here = kernel.targetctx.codegen().magic_tuple()
    return sum(here in key for key in index)
