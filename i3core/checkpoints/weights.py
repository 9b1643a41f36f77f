"""Read the files of a model folder: config.json, and weights with or without torch."""

from __future__ import annotations

import json
import math
import pickle
import re
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, I3Error
from ..system.files import read_json, stand_in
from .state_dict import AGAIN
from .user_notes import read_notes

if TYPE_CHECKING:
    from torch import Tensor

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin", "pytorch_model_best.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")  # of weights in several files
TOKENIZER_FILES = ("tokenizer.json", "chunk_vocab_combined.json", "vocab.json")
_ITERATION = re.compile(r"model_iter_(\d{1,12})\.pt")  # of the public code, which writes no config.json beside it
_DTYPES = {  # of safetensors: name in torch, bytes
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "F8_E4M3": ("float8_e4m3fn", 1), "F8_E5M2": ("float8_e5m2", 1),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1),
    "U64": ("uint64", 8), "U32": ("uint32", 4), "U16": ("uint16", 2), "U8": ("uint8", 1), "BOOL": ("bool", 1),
}  # fmt: skip
_WRAPPERS = ("model_state_dict", "state_dict", "model")  # keys of a checkpoint that hold the weights
_BUFFERS = re.compile(r"(^|[._])(position_ids|inv_freq|(causal_|attn_)?mask|tril|attn\.(masked_)?bias)$")
_PARAMETER = re.compile(r"(^|\.)(weight|bias|w_mix|[ABCD]|time_\w+)$")
_LARGEST_HEADER = 100_000_000  # bytes; the format's own limit
LARGEST_CONFIG = 10_000_000


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as the header of the safetensors file `path` describes it; its bytes are file[start:end]."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def has_weights(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (*WEIGHT_FILES, *INDEX_FILES)) or _latest(folder) is not None


def is_weight_file(name: str) -> bool:
    """Whether a file of this name holds the weights of a model, or names the files that do."""
    return name in (*WEIGHT_FILES, *INDEX_FILES) or iteration(name) is not None


def iteration(name: str) -> int | None:
    """The training step in a name such as model_iter_5000.pt; None for any other name."""
    found = _ITERATION.fullmatch(name)
    return int(found[1]) if found else None


def _latest(folder: Path) -> Path | None:
    """The model_iter_N.pt with the largest N."""
    try:
        paths = [path for path in folder.glob("model_iter_*.pt") if iteration(path.name) is not None]
    except OSError:  # a folder that cannot be read
        return None
    return max(paths, key=lambda path: iteration(path.name) or 0, default=None)


def weights_paths(folder: Path) -> list[Path]:
    """Find the weight file of a folder, or the files that its index names. Raises CheckpointError if one is missing."""
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return [folder / name]
    for name in INDEX_FILES:
        if (folder / name).is_file():
            return _indexed(folder / name)
    if latest := _latest(folder):
        return [latest]
    raise CheckpointError(
        f"{folder} has no weights.", f"It needs one of: {', '.join((*WEIGHT_FILES, 'model_iter_N.pt'))}."
    )


def _indexed(index: Path) -> list[Path]:
    """The weight files that an index names, as `save_pretrained` of the transformers library writes it."""
    content = _read_object(index)
    files = content.get("weight_map")
    names = set(files.values()) if isinstance(files, dict) and all(map(_is_name, files.values())) else set()
    if not names:
        raise CheckpointError(f"{index} is damaged (it names no files of weights).", AGAIN)
    missing = sorted(name for name in names if not (index.parent / name).is_file())
    if missing:
        raise CheckpointError(f"{index.parent} lacks a part of its weights: {', '.join(missing[:3])}.", AGAIN)
    return [index.parent / name for name in sorted(names)]


def _is_name(value: object) -> bool:
    """Whether this is the name of a file in the same folder."""
    return isinstance(value, str) and value == Path(value).name and value.endswith((".safetensors", ".bin"))


def tokenizer_path(folder: Path) -> Path:
    """Find the vocabulary of a folder. Raises CheckpointError if there is none, or something saved in its place."""
    path = next((folder / name for name in TOKENIZER_FILES if (folder / name).is_file()), None)
    if path is None:
        raise CheckpointError(f"{folder} has no vocabulary.", f"It needs one of: {', '.join(TOKENIZER_FILES)}.")
    if wrong := stand_in(path):
        raise CheckpointError(*wrong)
    return path


def read_details(folder: Path) -> dict[str, Any]:
    """Read config.json, with the name that the user gave; {} if there is none.

    Raises CheckpointError if it is damaged.
    """
    path, (name, _) = folder / "config.json", read_notes(folder)
    named = {"name": name} if name else {}
    if not path.is_file():
        return named
    if path.stat().st_size > LARGEST_CONFIG:
        raise CheckpointError(f"{path} is too large for the settings of a model.", AGAIN)
    return _read_object(path) | named


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except I3Error as error:
        raise CheckpointError(error.what, error.remedy) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is damaged (not a JSON object).", AGAIN)
    return content


def plain_name(name: object) -> str:
    """Strip prefixes that wrappers of torch add to weight names."""
    return re.sub(r"^(module\.|_orig_mod\.)+", "", str(name))


def unwrapped(content: object) -> object:
    """The weights in the content of a pickled file, which training scripts wrap in a dictionary of their own."""
    for key in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    return content


def read_header(*paths: Path) -> dict[str, StoredTensor]:
    """Read the headers of safetensors files: a description of each weight by name, without buffers.

    Raises CheckpointError if a file is damaged, cut short, or has weights that are not floating-point numbers.
    """
    tensors = {name: tensor for path in paths for name, tensor in _read_header(path).items()}
    return {name: tensor for name, tensor in tensors.items() if is_weight(tensor.path, name, tensor.dtype)}


def _read_header(path: Path) -> dict[str, StoredTensor]:
    damaged = _damaged(path)
    try:
        size = path.stat().st_size
        with open(path, "rb") as source:
            length = int.from_bytes(source.read(8), "little")
            if not 2 <= length <= min(size - 8, _LARGEST_HEADER):
                raise damaged
            content = json.loads(source.read(length))
        content.pop("__metadata__", None)
        tensors = {}
        for name, entry in content.items():
            shape, (start, end) = tuple(map(int, entry["shape"])), entry["data_offsets"]
            dtype, size_each = _DTYPES.get(entry["dtype"], (str(entry["dtype"]), None))
            if not 0 <= start <= end or (size_each is not None and end - start != math.prod(shape) * size_each):
                raise damaged
            tensors[plain_name(name)] = StoredTensor(path, dtype, shape, 8 + length + start, 8 + length + end)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged from error
    if max((tensor.end for tensor in tensors.values()), default=8 + length) != size:
        raise damaged
    return tensors


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(*(stand_in(path) or (f"{path} is damaged or cut short.", AGAIN)))


def is_weight(path: Path, name: str, dtype: str) -> bool:
    """Whether a tensor is a weight, and not a buffer (a mask, positions, a counter) beside the weights.

    Raises CheckpointError for a weight that is not a floating-point number.
    """
    if _BUFFERS.search(name):
        return False
    if dtype.startswith(("float", "bfloat")):
        return True
    if _PARAMETER.search(name):
        raise CheckpointError(
            f"{path}: {name} holds {dtype} where an i3 model has floating-point numbers.",
            "Get the model in float32 or float16; weights that another program has quantised cannot be read.",
        )
    return False


def same_bytes(first: StoredTensor, second: StoredTensor) -> bool:
    """Whether two tensors are identical, bit for bit."""
    if (first.dtype, first.shape) != (second.dtype, second.shape):
        return False
    block = 1 << 20
    with open(first.path, "rb") as one, open(second.path, "rb") as other:
        one.seek(first.start)
        other.seek(second.start)
        left = first.end - first.start
        while left > 0:
            if one.read(min(block, left)) != other.read(min(block, left)):
                return False
            left -= block
    return True


def read_tensors(*paths: Path, mmap: bool = False) -> dict[str, Tensor]:
    """Map names to tensors of weight files, without buffers. Never runs code in a file. Imports torch.

    Args:
        mmap: leave the values of a pickled file on the disk until they are used.

    Raises CheckpointError if a file is damaged or holds something else.
    """
    return {name: tensor for path in paths for name, tensor in _read_tensors(path, mmap).items()}


def _read_tensors(path: Path, mmap: bool) -> dict[str, Tensor]:
    import numpy as np
    import torch
    from safetensors.torch import load_file

    # Training scripts store a best loss of numpy beside the weights. These classes only hold a number.
    names = ("numpy._core.multiarray.scalar", "numpy.core.multiarray.scalar")  # of new and old versions
    numbers: list[Any] = [np.dtype, *((np.float64(0).__reduce__()[0], name) for name in names)]
    numbers += [type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "?")]

    try:
        if path.suffix == ".safetensors":
            content: object = load_file(path)
        else:
            with warnings.catch_warnings(action="ignore"):  # about pickle protocols; users cannot act on them
                is_archive = zipfile.is_zipfile(path)  # what torch wrote before 1.6 is none, and cannot be mapped
                mmap = mmap and is_archive
                if is_archive:
                    _check_archive(path)
                with torch.serialization.safe_globals(numbers):
                    content = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        raise no_weights(path) from error
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        raise _damaged(path) from error
    content = unwrapped(content)
    if not isinstance(content, dict) or not content or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise CheckpointError(f"{path} does not hold the weights of a model.", AGAIN)
    tensors = {plain_name(key): value for key, value in content.items()}
    for name, value in tensors.items():
        if not _is_plain(value):
            raise CheckpointError(f"{path}: {name} is not a tensor that holds all its values.", AGAIN)
    size = path.stat().st_size
    storages = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in tensors.values()}
    needed = sum(value.numel() * value.element_size() for value in tensors.values())
    if sum(storages.values()) > size or needed > 2 * size:  # a tied head may be there twice
        raise CheckpointError(f"{path} names far more weights than it holds.", AGAIN)
    return {n: v for n, v in tensors.items() if is_weight(path, n, str(v.dtype).removeprefix("torch."))}


def no_weights(path: Path) -> CheckpointError:
    """The error for a file of the public layout that is no pickle of weights."""
    what = f"{path} is damaged, or contains something other than weights; no code in it was run."
    remedy = "Get the model from a source you trust, as model.safetensors if there is one."
    return CheckpointError(*(stand_in(path) or (what, remedy)))


def _check_archive(path: Path) -> None:
    """Raise ValueError if the records of a pickled file are compressed, which torch never does: they could be huge."""
    with zipfile.ZipFile(path) as archive:
        if any(record.compress_type != zipfile.ZIP_STORED for record in archive.infolist()):
            raise ValueError("compressed records")


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor's values are all in its file; a view that repeats a few values could fill the memory."""
    import torch

    if tensor.is_nested or tensor.is_meta or tensor.is_quantized or tensor.layout is not torch.strided:
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()
