"""Read and check an adapter folder: its config, and that its matrices fit the base. Needs no torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CheckpointError, I3Error
from ..model.block_kinds import is_linear
from ..model.config import ModelConfig
from ..system import assets
from ..system.files import read_json
from .state_dict import expected_shapes
from .stored import is_finite, is_readable
from .weights import read_header

if TYPE_CHECKING:
    import numpy as np

CONFIG_FILE = "adapter_config.json"
WEIGHT_FILE = "adapter_model.safetensors"
AGAIN = "Copy the adapter again, or train it again."
PREFIX = "base_model.model."  # of PEFT, before the name of a layer
_MOST = 1_000_000  # of rank and alpha


@dataclass(frozen=True)
class Adapter:
    """The model and scale of an adapter.

    Attributes:
        base: folder of the complete model that it adds to.
        base_sha256: fingerprint of that model's weights.
        rank, alpha: of the LoRA matrices, whose product is scaled by alpha / rank.
    """

    base: Path
    base_sha256: str
    rank: int
    alpha: float


def is_adapter(folder: Path) -> bool:
    return (folder / CONFIG_FILE).is_file()


def read_config(folder: Path, base: Path | None = None) -> tuple[Adapter, str | None]:
    """Read the config and name (None without one) of the adapter in `folder`; `base` overrides the path of its base.

    Raises CheckpointError if adapter_config.json is damaged, or there is no base.
    """
    path = folder / CONFIG_FILE
    try:
        content = read_json(path)
    except I3Error as error:
        raise CheckpointError(error.what, AGAIN) from error
    if not isinstance(content, dict) or content.get("peft_type") != "LORA":
        raise CheckpointError(f"{path} does not describe a LoRA adapter.", AGAIN)
    rank, alpha, name = content.get("r"), content.get("lora_alpha"), content.get("name")
    location, fingerprint = content.get("base_model_name_or_path"), content.get("base_model_sha256")
    if (
        not (isinstance(rank, int) and 0 < rank <= _MOST)
        or not (isinstance(alpha, int | float) and 0 < alpha <= _MOST)
        or not (isinstance(location, str) and location)
        or not (isinstance(fingerprint, str) and fingerprint)
    ):
        raise CheckpointError(f"{path} lacks the rank, alpha, base or fingerprint of an i3 adapter.", AGAIN)
    base = base or _find_base(folder, location, content.get("base_model_relative_path"))
    return Adapter(base.resolve(), fingerprint, rank, alpha), name if isinstance(name, str) else None


def _find_base(folder: Path, location: str, relative: object) -> Path:
    """Find the base by bundled name, path, or path relative to the adapter."""
    # An absolute path stays as it is; the relative one finds a base that moved together with its adapter.
    candidates = [assets.models().get(location), folder.resolve() / location]
    if isinstance(relative, str):
        candidates.append(folder.resolve() / relative)
    found = next((path for path in candidates if path is not None and os.path.isdir(path)), None)
    if found is None:
        raise CheckpointError(
            f"The adapter {folder} needs its base model, which is no longer at {location[:200]}.",
            f"Put it back, or merge the two with `i3core convert {folder} NEW_FOLDER --base FOLDER_OF_THE_BASE`.",
        )
    return found


def fingerprint(arrays: Iterable[tuple[str, np.ndarray]]) -> str:
    """Fingerprint of a model's weights, given as float32 by name, in order; a tied head is left out."""
    digest = hashlib.sha256()
    for name, array in arrays:
        digest.update(f"{name} {list(array.shape)}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def check_fingerprint(folder: Path, adapter: Adapter, found: str) -> None:
    """Raise CheckpointError unless `found` is the fingerprint of the model that the adapter was trained over."""
    if found != adapter.base_sha256:
        raise CheckpointError(
            f"The model {adapter.base} is not, or no longer, the one that the adapter {folder} was trained over.",
            f"Merge it with the right one: `i3core convert {folder} NEW_FOLDER --base FOLDER_OF_THE_BASE`.",
        )


def check_matrices(folder: Path, config: ModelConfig, rank: int) -> None:
    """Raise CheckpointError unless the adapter's file has the matrices for a base of these sizes, and no others."""
    path = folder / WEIGHT_FILE
    if not path.is_file():
        raise CheckpointError(f"The adapter {folder} has no weights ({WEIGHT_FILE}).", AGAIN)
    tensors = read_header(path)
    for weight, sizes in expected_shapes(config).items():
        if not (weight.startswith("layers.") and is_linear(weight, len(sizes))):
            continue
        name, (outer, inner) = weight.removesuffix(".weight"), sizes
        for part, shape in (("A", (rank, inner)), ("B", (outer, rank))):
            tensor = tensors.pop(f"{PREFIX}{name}.lora_{part}.weight", None)
            if tensor is None or tensor.shape != shape:
                found = "is missing" if tensor is None else f"has the shape {tensor.shape}"
                raise CheckpointError(f"{path}: lora_{part} of {name} {found}; {shape} is right.", AGAIN)
            if not (is_readable(tensor) and is_finite(tensor)):
                raise CheckpointError(f"{path}: lora_{part} of {name} holds values that are not finite numbers.", AGAIN)
    if tensors:
        raise CheckpointError(
            f"{path} has tensors that its base does not have: {', '.join(sorted(tensors)[:3])}.", AGAIN
        )
