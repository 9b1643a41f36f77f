"""Weights where they lie in their files: names, shapes and values without torch.

Both layouts: safetensors, and the zip archive of `torch.save`, whose values lie in it one after the other. Nothing in a
file is run. What this cannot read is left to torch, which says what is wrong with it.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import CheckpointError
from .state_dict import AGAIN
from .weights import StoredTensor, is_weight, no_weights, plain_name, read_header, unwrapped

if TYPE_CHECKING:
    import numpy as np

_STORAGES = {  # of torch, by class: name of the numbers, bytes of each
    "DoubleStorage": ("float64", 8), "FloatStorage": ("float32", 4), "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2), "LongStorage": ("int64", 8), "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2), "CharStorage": ("int8", 1), "ByteStorage": ("uint8", 1), "BoolStorage": ("bool", 1),
}  # fmt: skip
_READABLE = {"float64": "<f8", "float32": "<f4", "float16": "<f2", "bfloat16": "<u2"}  # as numpy reads the bytes
_LARGEST_PICKLE = 16 << 20
_OPCODES = (  # all that `torch.save` writes for dictionaries, lists, numbers, texts and tensors
    pickle.PROTO, pickle.STOP, pickle.MARK, pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BININT,
    pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.BINFLOAT, pickle.BINUNICODE, pickle.SHORT_BINUNICODE,
    pickle.EMPTY_DICT, pickle.EMPTY_LIST, pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2,
    pickle.TUPLE3, pickle.SETITEM, pickle.SETITEMS, pickle.APPEND, pickle.APPENDS, pickle.BINPUT, pickle.LONG_BINPUT,
    pickle.BINGET, pickle.LONG_BINGET, pickle.GLOBAL, pickle.REDUCE, pickle.BINPERSID,
)  # fmt: skip


def stored_tensors(*paths: Path) -> dict[str, StoredTensor] | None:
    """Map names to tensors of weight files, without buffers; None if only torch can read them.

    Raises CheckpointError as `weights.read_header`, and for a file that is no pickle at all.
    """
    if all(path.suffix == ".safetensors" for path in paths):
        return read_header(*paths)
    found: dict[str, StoredTensor] = {}
    for path in paths:
        if not _may_be_pickled(path):
            raise no_weights(path)
        tensors = _archived(path)
        if tensors is None:
            return None
        found |= {name: tensor for name, tensor in tensors.items() if is_weight(path, name, tensor.dtype)}
    return found


def _may_be_pickled(path: Path) -> bool:
    """Whether this is a zip archive, or begins as the pickles that torch wrote before 1.6."""
    try:
        with open(path, "rb") as file:
            start = file.read(1)
            return start == pickle.PROTO or zipfile.is_zipfile(file)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error


def is_readable(tensor: StoredTensor) -> bool:
    """Whether `values` knows its kind of numbers."""
    return tensor.dtype in _READABLE


def values(tensor: StoredTensor) -> np.ndarray:
    """The numbers of a tensor, read from its file as float32."""
    import numpy as np

    count = math.prod(tensor.shape)
    raw = np.fromfile(tensor.path, _READABLE[tensor.dtype], count, offset=tensor.start)
    if len(raw) != count:
        raise CheckpointError(f"{tensor.path} is damaged or cut short.", AGAIN)
    if tensor.dtype == "bfloat16":
        raw = (raw.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, as torch has it
        return raw.astype(np.float32, copy=False).reshape(tensor.shape)


def is_finite(tensor: StoredTensor) -> bool:
    import numpy as np

    return bool(np.isfinite(values(tensor)).all())


def _archived(path: Path) -> dict[str, StoredTensor] | None:
    """The tensors of a zip archive that `torch.save` wrote; None if there is anything unusual about it."""
    try:
        with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
            records = {record.filename: record for record in archive.infolist()}
            (index,) = (name for name in records if name.endswith("/data.pkl"))
            folder = index.removesuffix("data.pkl")
            order = records.get(f"{folder}byteorder")
            if records[index].file_size > _LARGEST_PICKLE or (order and archive.read(order) != b"little"):
                return None
            if any(record.compress_type != zipfile.ZIP_STORED for record in records.values()):
                return None

            def placed(dtype: str, key: str, size: int) -> StoredTensor:
                """The whole record of some values."""
                record = records[f"{folder}data/{key}"]
                file.seek(record.header_offset + 26)  # lengths of name and extra field, in the record's own header
                name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
                start = record.header_offset + 30 + name + extra
                return StoredTensor(path, dtype, (record.file_size // size,), start, start + record.file_size)

            with archive.open(index) as source:
                content = unwrapped(_TensorReader(source, placed).load())
        if not isinstance(content, dict) or not content:
            return None
        tensors = {plain_name(name): tensor for name, tensor in content.items()}
        total = sum(tensor.end - tensor.start for tensor in tensors.values())
        size = path.stat().st_size
        # A tied head may be there twice.
        fits = total <= 2 * size and all(tensor.end <= size for tensor in tensors.values())
        return tensors if fits else None
    except Exception:  # damaged bytes make zipfile and pickle raise nearly anything
        return None


class _TensorReader(pickle._Unpickler):  # the one in Python: only its opcodes can be chosen
    """Reads a pickle of plain values and tensors; raises whatever it meets for anything else.

    placed: dtype, key and bytes of a number -> the record of this key as one row of numbers.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        opcode[0]: pickle._Unpickler.dispatch[opcode[0]] for opcode in _OPCODES
    }

    stack: list[Any]

    def __init__(self, source: Any, placed: Callable[[str, str, int], StoredTensor]) -> None:
        super().__init__(source)
        self._placed = placed

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> tuple[StoredTensor, int]:
        """The row of numbers that a tensor is a part of, and the bytes of a number."""
        kind, (dtype, size), key, _, _ = pid
        if kind != "storage":
            raise pickle.UnpicklingError(kind)
        return self._placed(dtype, key, size), size

    def _attributes(self) -> None:
        """What a state dict says about modules, and numpy about a number: no weights."""
        self.stack.pop()
        if type(self.stack[-1]) not in (OrderedDict, _Number):
            raise pickle.UnpicklingError("attributes")

    dispatch[pickle.BUILD[0]] = _attributes


def _tensor(
    row: tuple[StoredTensor, int], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> StoredTensor:
    """A part of a row; raises ValueError if its numbers do not lie one after the other."""
    whole, size = row
    count = 1
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if length < 0 or (length > 1 and stride != count):
            raise ValueError(shape)
        count *= length
    start = whole.start + offset * size
    if offset < 0 or start + count * size > whole.end:
        raise ValueError(shape)
    return replace(whole, shape=tuple(map(int, shape)), start=start, end=start + count * size)


def _parameter(tensor: StoredTensor, *_: Any) -> StoredTensor:
    return tensor


class _Number:
    """Stands for a number of numpy, such as the best loss that a training script stored beside the weights."""

    def __init__(self, *_: Any) -> None:
        pass


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("numpy._core.multiarray", "scalar"): _Number,  # and of older versions:
    ("numpy.core.multiarray", "scalar"): _Number,
    ("numpy", "dtype"): _Number,
    ("_codecs", "encode"): _Number,
}
