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
from ..system.files import read_json
from .state_dict import AGAIN

if TYPE_CHECKING:
    from torch import Tensor

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin", "pytorch_model_best.bin")
TOKENIZER_FILES = ("tokenizer.json", "chunk_vocab_combined.json", "vocab.json")
DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
_LARGEST_HEADER = 100_000_000  # bytes; the format's own limit


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as the header of a safetensors file describes it; its bytes are file[start:end]."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def weights_path(folder: Path) -> Path:
    """Find the weight file of a folder. Raises CheckpointError if there is none."""
    path = next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)
    if path is None:
        raise CheckpointError(f"{folder} has no weights.", f"It needs one of: {', '.join(WEIGHT_FILES)}.")
    return path


def tokenizer_path(folder: Path) -> Path:
    """Find the vocabulary of a folder. Raises CheckpointError if there is none."""
    path = next((folder / name for name in TOKENIZER_FILES if (folder / name).is_file()), None)
    if path is None:
        raise CheckpointError(f"{folder} has no vocabulary.", f"It needs one of: {', '.join(TOKENIZER_FILES)}.")
    return path


def read_details(folder: Path) -> dict[str, Any]:
    """Read config.json; {} if there is none. Raises CheckpointError if it is damaged."""
    path = folder / "config.json"
    if not path.is_file():
        return {}
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


def read_header(path: Path) -> dict[str, StoredTensor]:
    """Read the header of a safetensors file: a description of each tensor by name.

    Raises CheckpointError if the file is damaged, cut short, or holds anything but floating-point tensors.
    """
    damaged = CheckpointError(f"{path} is damaged or cut short.", AGAIN)
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
            if entry["dtype"] not in DTYPES:
                raise CheckpointError(f"{path}: {name} holds values that are not finite numbers.", AGAIN)
            if not 0 <= start <= end or end - start != math.prod(shape) * _BYTES[entry["dtype"]]:
                raise damaged
            tensors[plain_name(name)] = StoredTensor(
                DTYPES[entry["dtype"]], shape, 8 + length + start, 8 + length + end
            )
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged from error
    if max((tensor.end for tensor in tensors.values()), default=8 + length) != size:
        raise damaged
    return tensors


def same_bytes(path: Path, first: StoredTensor, second: StoredTensor) -> bool:
    """Whether two tensors of a file are identical, bit for bit."""
    if (first.dtype, first.shape) != (second.dtype, second.shape):
        return False
    block = 1 << 20
    with open(path, "rb") as one, open(path, "rb") as other:
        one.seek(first.start)
        other.seek(second.start)
        left = first.end - first.start
        while left > 0:
            if one.read(min(block, left)) != other.read(min(block, left)):
                return False
            left -= block
    return True


def read_tensors(path: Path, mmap: bool = False) -> dict[str, Tensor]:
    """Map names to tensors of a weight file. Never runs code in the file. Imports torch.

    Args:
        mmap: leave the values of a pickled file on the disk until they are used.

    Raises CheckpointError if the file is damaged or holds something else.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            content: object = load_file(path)
        else:
            with warnings.catch_warnings(action="ignore"):  # about pickle protocols; users cannot act on them
                mmap = mmap and zipfile.is_zipfile(path)  # what torch wrote before 1.6 cannot be mapped
                content = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is damaged, or contains something other than weights; no code in it was run.",
            "Get the model from a source you trust, as model.safetensors if there is one.",
        ) from error
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        raise CheckpointError(f"{path} is damaged or cut short.", AGAIN) from error
    for key in ("model_state_dict", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise CheckpointError(f"{path} does not hold the weights of a model.", AGAIN)
    return {plain_name(key): value for key, value in content.items()}
