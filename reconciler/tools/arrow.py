"""The columns of a DuckDB relation as plain bytes, through the Arrow C data interface.

The structures are those of the published interface; `ctypes` is all that is needed, so no library of Arrow has to be
there. A column is read only in the layout that was asked for by name. The memory belongs to DuckDB and is given back
when a batch has been used: what a caller keeps of it, he copies.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_Pointer = ctypes.c_void_p
_NAME = b"arrow_array_stream"


class _Array(ctypes.Structure):
    """`struct ArrowArray`."""


_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(_Pointer)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", _Pointer),
    ("release", ctypes.CFUNCTYPE(None, _Pointer)),
    ("private_data", _Pointer),
]


class _Schema(ctypes.Structure):
    """`struct ArrowSchema`."""


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", _Pointer),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", _Pointer),
    ("release", ctypes.CFUNCTYPE(None, _Pointer)),
    ("private_data", _Pointer),
]


class _Stream(ctypes.Structure):
    """`struct ArrowArrayStream`."""

    _fields_ = (
        ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.POINTER(_Schema))),
        ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.POINTER(_Array))),
        ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, _Pointer)),
        ("release", _Pointer),
        ("private_data", _Pointer),
    )


class Batch:
    """Some rows of a relation, column by column; valid until the next batch is asked for."""

    def __init__(self, array: _Array) -> None:
        self._array = array

    @property
    def rows(self) -> int:
        return int(self._array.length)

    def numbers(self, column: int, width: int) -> memoryview:
        """The values of a column of fixed `width` (bytes) that has no missing value, little-endian, back to back."""
        child = self._child(column)
        return _bytes_at(child.buffers[1], child.offset * width, child.length * width)

    def text(self, column: int) -> memoryview:
        """The UTF-8 bytes of a column of texts (of less than 2 GiB) that has no missing value, without any mark
        between them."""
        child = self._child(column)
        offsets = ctypes.cast(child.buffers[1], ctypes.POINTER(ctypes.c_int32))
        begin, end = offsets[child.offset], offsets[child.offset + child.length]
        return _bytes_at(child.buffers[2], begin, end - begin)

    def _child(self, column: int) -> _Array:
        child: _Array = self._array.children[column].contents
        if child.null_count > 0:  # its slots could hold anything
            raise ValueError(f"column {column} has missing values")
        return child


@contextmanager
def batches(relation: Any, layouts: Sequence[str]) -> Iterator[Iterator[Batch]]:
    """The rows of a DuckDB relation, in their order, as batches of columns of these layouts, by the interface's letters
    (`u` text, `l` 64 bits, `i` and `I` 32 bits, `C` 8 bits). Raises OSError where it cannot be read or has others."""
    capsule = relation.__arrow_c_stream__()  # frees the stream when it goes
    address = ctypes.pythonapi.PyCapsule_GetPointer
    address.restype, address.argtypes = _Pointer, [ctypes.py_object, ctypes.c_char_p]
    stream = ctypes.cast(address(capsule, _NAME), ctypes.POINTER(_Stream)).contents
    if (found := _layouts(stream)) != list(layouts):
        raise OSError(f"DuckDB gives columns as {', '.join(found)[:200]}, and not as {', '.join(layouts)[:200]}")
    yield _batches(stream)
    del capsule


def _layouts(stream: _Stream) -> list[str]:
    schema = _Schema()
    if stream.get_schema(ctypes.addressof(stream), ctypes.byref(schema)):
        raise OSError("rows could not be read from DuckDB")
    try:
        return [schema.children[at].contents.format.decode() for at in range(schema.n_children)]
    finally:
        schema.release(ctypes.addressof(schema))


def _batches(stream: _Stream) -> Iterator[Batch]:
    while True:
        array = _Array()
        if stream.get_next(ctypes.addressof(stream), ctypes.byref(array)):
            raise OSError("rows could not be read from DuckDB")
        if not array.release:
            return
        try:
            yield Batch(array)
        finally:
            array.release(ctypes.addressof(array))


def _bytes_at(address: int | None, begin: int, size: int) -> memoryview:
    if not size or not address:
        return memoryview(b"")
    return memoryview((ctypes.c_char * size).from_address(address + begin)).cast("B")
