"""The pickles of torch, protocol 2: plain values, and arrays whose memory lies elsewhere."""

from __future__ import annotations

import io
import math
import pickle
import struct
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

# A kind of memory in torch, and what NumPy calls its entries.
STORAGES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype(np.float32),
    "DoubleStorage": np.dtype(np.float64),
    "HalfStorage": np.dtype(np.float16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
}
_NAMES = {dtype: name for name, dtype in STORAGES.items()}

# Keeps the memory of an array, and returns its key. Finds the memory of a key: its bytes.
Store = Callable[[NDArray[Any]], str]
Find = Callable[[str], Any]


def encode(document: Any, store: Store) -> bytes:
    """Return the pickle of a document; equal documents give equal bytes.

    Raises TypeError for a value that is no array of ``STORAGES``, text, number, bool, None, list,
    tuple or table.
    """
    return _Encoder(store).encode(document)


class _Encoder:
    """Writes the instructions that make a document. Equal texts are written once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written = bytearray(pickle.PROTO + b"\x02")
        self._texts: dict[str, int] = {}

    def encode(self, document: Any) -> bytes:
        self._put(document)
        return bytes(self._written + pickle.STOP)

    def _put(self, value: Any) -> None:
        for kind, put in self._BY_KIND:
            if isinstance(value, kind):
                put(self, value)
                return
        raise TypeError(f"a {type(value).__name__} cannot be saved: {str(value)[:40]}")

    def _none(self, _: None) -> None:
        self._written += pickle.NONE

    def _bool(self, value: bool) -> None:
        self._written += pickle.NEWTRUE if value else pickle.NEWFALSE

    def _int(self, value: int) -> None:
        if -(2**31) <= value < 2**31:
            self._written += pickle.BININT + struct.pack("<i", value)
            return
        coded = pickle.encode_long(value)
        self._written += pickle.LONG1 + struct.pack("<B", len(coded)) + coded

    def _float(self, value: float) -> None:
        self._written += pickle.BINFLOAT + struct.pack(">d", value)

    def _text(self, value: str) -> None:
        text = str(value)  # of an enumeration: its value
        place = self._texts.get(text)
        if place is not None:
            self._written += pickle.LONG_BINGET + struct.pack("<I", place)
            return
        place = self._texts[text] = len(self._texts)
        coded = text.encode("utf-8", "surrogatepass")
        self._written += pickle.BINUNICODE + struct.pack("<I", len(coded)) + coded
        self._written += pickle.LONG_BINPUT + struct.pack("<I", place)

    def _list(self, value: list[Any]) -> None:
        self._written += pickle.EMPTY_LIST + pickle.MARK
        for part in value:
            self._put(part)
        self._written += pickle.APPENDS

    def _tuple(self, value: tuple[Any, ...]) -> None:
        self._written += pickle.MARK
        for part in value:
            self._put(part)
        self._written += pickle.TUPLE

    def _dict(self, value: dict[Any, Any]) -> None:
        self._written += pickle.EMPTY_DICT + pickle.MARK
        for key, part in value.items():
            self._put(key)
            self._put(part)
        self._written += pickle.SETITEMS

    def _array(self, value: NDArray[Any]) -> None:
        """Write _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)."""
        if value.dtype not in _NAMES:
            raise TypeError(f"an array of {value.dtype} cannot be saved")
        self._global("torch._utils", "_rebuild_tensor_v2")
        self._written += pickle.MARK
        self._written += pickle.MARK
        self._put("storage")
        self._global("torch", _NAMES[value.dtype])
        memory: tuple[Any, ...] = (self._store(value), "cpu", value.size)
        for part in memory:
            self._put(part)
        self._written += pickle.TUPLE + pickle.BINPERSID
        place: tuple[Any, ...] = (0, value.shape, _strides(value.shape), False)
        for part in place:
            self._put(part)
        self._global("collections", "OrderedDict")
        self._written += pickle.EMPTY_TUPLE + pickle.REDUCE
        self._written += pickle.TUPLE + pickle.REDUCE

    def _global(self, module: str, name: str) -> None:
        self._written += pickle.GLOBAL + f"{module}\n{name}\n".encode()

    # The first that fits: a bool is an int too.
    _BY_KIND: ClassVar[tuple[tuple[type, Callable[..., None]], ...]] = (
        (str, _text),
        (bool, _bool),
        (int, _int),
        (float, _float),
        (type(None), _none),
        (np.ndarray, _array),
        (dict, _dict),
        (list, _list),
        (tuple, _tuple),
    )


def decode(pickled: bytes, find: Find, *, swapped: bool = False) -> Any:
    """Return the document of a pickle; nothing of it is executed but what makes plain values.

    ``swapped`` says that the bytes of numbers in memory stand the other way round. Raises
    ValueError, or whatever Python raises of instructions that do not go together.
    """
    return _Decoder(pickled, find, swapped).load()


class _Storage(NamedTuple):
    """The memory of arrays, (numel,)."""

    entries: NDArray[Any]


# What torch.save writes, and no more: torch.load(weights_only=True) has about as few.
_ALLOWED = (
    pickle.PROTO + pickle.STOP + pickle.MARK + pickle.NONE + pickle.NEWTRUE + pickle.NEWFALSE
    + pickle.BININT + pickle.BININT1 + pickle.BININT2 + pickle.LONG1 + pickle.BINFLOAT
    + pickle.BINUNICODE + pickle.BINPUT + pickle.LONG_BINPUT + pickle.BINGET + pickle.LONG_BINGET
    + pickle.EMPTY_LIST + pickle.APPEND + pickle.APPENDS + pickle.EMPTY_DICT + pickle.SETITEM
    + pickle.SETITEMS + pickle.EMPTY_TUPLE + pickle.TUPLE + pickle.TUPLE1 + pickle.TUPLE2
    + pickle.TUPLE3 + pickle.GLOBAL + pickle.REDUCE + pickle.BINPERSID
)  # fmt: skip


class _Instructions(dict[int, Callable[..., None]]):
    def __missing__(self, code: int) -> Callable[..., None]:
        raise ValueError(f"instruction {bytes([code])!r} is of no plain document")


class _Decoder(pickle._Unpickler):
    """Python's own reader in Python, of few instructions and names.

    The reader in C allocates what an instruction claims; this one reads what there is.
    """

    stack: list[Any]
    pop_mark: Callable[[], list[Any]]

    dispatch: ClassVar[dict[int, Callable[..., None]]] = _Instructions(
        {code: pickle._Unpickler.dispatch[code] for code in _ALLOWED}
    )

    def __init__(self, pickled: bytes, find: Find, swapped: bool) -> None:
        super().__init__(io.BytesIO(pickled))
        self._find, self._swapped = find, swapped
        self._storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if (module, name) in _MAKERS:
            return _MAKERS[module, name]
        raise ValueError(f"it holds {module}.{name}"[:80])

    def persistent_load(self, pid: Any) -> _Storage:
        word, dtype, key, place, numel = pid
        texts = all(isinstance(text, str) for text in (word, key, place))
        if word != "storage" or not texts or not isinstance(dtype, np.dtype):
            raise ValueError("a tensor in it has no memory")
        if key not in self._storages:
            entries: NDArray[Any] = np.frombuffer(self._find(key), dtype)
            self._storages[key] = _Storage(entries.byteswap() if self._swapped else entries)
        found = self._storages[key]
        if found.entries.dtype != dtype or type(numel) is not int or len(found.entries) != numel:
            raise ValueError("a tensor in it has another size than its memory")
        return found

    def _set_items(self) -> None:
        items = self.pop_mark()
        self._fill(items)

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._fill([key, value])

    def _fill(self, items: list[Any]) -> None:
        table = self.stack[-1]
        if type(table) is not dict:
            raise ValueError("what is filled is no table")
        table.update(zip(items[::2], items[1::2], strict=True))

    dispatch[pickle.SETITEMS[0]] = _set_items
    dispatch[pickle.SETITEM[0]] = _set_item


def _empty_table() -> dict[Any, Any]:
    return {}


def _tensor(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any = False,  # noqa: ARG001 - of torch's training
    hooks: Any = None,  # noqa: ARG001
) -> NDArray[Any]:
    """Return an array on its memory, whose entries must lie there one after the other."""
    if not isinstance(storage, _Storage):
        raise ValueError("a tensor in it has no memory")
    sizes = (offset, *size, *stride)
    if not all(type(part) is int and part >= 0 for part in sizes) or len(size) != len(stride):
        raise ValueError("a tensor in it has no shape")
    length, whole = math.prod(size), _strides(size)
    as_whole = all(n == 1 or a == b for n, a, b in zip(size, stride, whole, strict=True))
    if length and not as_whole:
        raise ValueError("a tensor in it is not a plain array in memory")
    if offset + length > len(storage.entries):
        raise ValueError("a tensor in it reaches beyond its memory")
    return storage.entries[offset : offset + length].reshape(size)


def _parameter(data: Any, requires_grad: Any, hooks: Any) -> NDArray[Any]:  # noqa: ARG001
    if not isinstance(data, np.ndarray):
        raise ValueError("a parameter in it is no tensor")
    return data


_MAKERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _empty_table,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the steps between entries along each dimension of an array without gaps."""
    return tuple(math.prod(max(n, 1) for n in shape[axis + 1 :]) for axis in range(len(shape)))
