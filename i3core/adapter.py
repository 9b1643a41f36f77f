"""Adapter folders: LoRA matrices, and which model they add to.

    adapter_config.json        rank, alpha, where the base model is and the fingerprint of its weights
    adapter_model.safetensors  lora_A and lora_B of each layer

File names, keys and tensor names are those of PEFT. Vocabulary, sizes and template are the base's and not repeated.
"""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from . import assets
from .errors import CheckpointError, I3Error
from .files import read_json, replaced, write_json
from .lora import TARGETS, lora_layers, target_layers
from .model import I3Network

CONFIG_FILE = "adapter_config.json"
WEIGHT_FILE = "adapter_model.safetensors"
AGAIN = "Copy the adapter again, or train it anew."
PREFIX = "base_model.model."


@dataclass(frozen=True)
class Adapter:
    """What an adapter is made for.

    Attributes:
        base: folder of the complete model that it adds to.
        base_sha256: fingerprint of that model's weights.
        rank, alpha: of the LoRA matrices, which count alpha / rank times.
    """

    base: Path
    base_sha256: str
    rank: int
    alpha: float


def is_adapter(folder: Path) -> bool:
    return (folder / CONFIG_FILE).is_file()


def weights_sha256(network: I3Network) -> str:
    """Fingerprint of a network's weights as float32, LoRA matrices left out: the same for each layout of the files."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if ".lora_" in name or (network.config.tie_embeddings and name == "head.weight"):
            continue
        digest.update(f"{name} {list(value.shape)}\n".encode())
        digest.update(value.detach().to("cpu", torch.float32).contiguous().numpy())
    return digest.hexdigest()


def write_adapter(
    folder: Path, network: I3Network, base: Path, base_sha256: str, name: str | None, dtype: torch.dtype
) -> None:
    """Writes the LoRA matrices of `network` as an adapter folder; its config comes last and makes it one."""
    layers, base = lora_layers(network), base.resolve()
    tensors = {}
    for layer_name, layer in layers.items():
        for part, matrix in (("lora_A", layer.lora_A), ("lora_B", layer.lora_B)):
            tensors[f"{PREFIX}{layer_name}.{part}.weight"] = matrix.detach().to("cpu", dtype, copy=True).contiguous()
    if any(not torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise CheckpointError(
            "Some weights of the adapter are not finite numbers.", "Train it with a lower learning rate."
        )
    bundled = (known for known, place in assets.models().items() if place.resolve() == base)
    any_layer = next(iter(layers.values()))
    content = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": len(any_layer.lora_A),
        "lora_alpha": any_layer.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(TARGETS),
        "inference_mode": True,
        "base_model_name_or_path": next(bundled, str(base)),
        "base_model_relative_path": _relative(base, folder),
        "base_model_sha256": base_sha256,
        "name": name,
    }
    with replaced(folder / WEIGHT_FILE) as temporary:
        save_file(tensors, temporary, metadata={"format": "pt"})
    write_json(folder / CONFIG_FILE, content)


def _relative(base: Path, folder: Path) -> str | None:
    try:
        return os.path.relpath(base, folder.resolve())
    except ValueError:  # another drive
        return None


def read_config(folder: Path, base: Path | None = None) -> tuple[Adapter, str | None]:
    """What the adapter in `folder` is made for, and its name if it has one. `base` is where its base is now.

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
    place, fingerprint = content.get("base_model_name_or_path"), content.get("base_model_sha256")
    if (
        not (isinstance(rank, int) and rank > 0)
        or not (isinstance(alpha, int | float) and 0 < alpha < math.inf)
        or not all(isinstance(text, str) and text for text in (place, fingerprint))
    ):
        raise CheckpointError(f"{path} lacks the rank, alpha, base or fingerprint of an i3 adapter.", AGAIN)
    base = base or _find_base(folder, place, content.get("base_model_relative_path"))
    return Adapter(base.resolve(), fingerprint, rank, alpha), name if isinstance(name, str) else None


def _find_base(folder: Path, place: str, relative: object) -> Path:
    """The base by its bundled name, its path, or its path as seen from the adapter (both may have moved together)."""
    candidates = [assets.models().get(place), folder.resolve() / place]  # an absolute place stands for itself
    if isinstance(relative, str):
        candidates.append(folder.resolve() / relative)
    found = next((path for path in candidates if path is not None and path.is_dir()), None)
    if found is None:
        raise CheckpointError(
            f"The adapter {folder} needs its base model, which is no longer at {place}.",
            f"Put it back, or merge the two with `i3core convert {folder} NEW_FOLDER --base FOLDER_OF_THE_BASE`.",
        )
    return found


def read_matrices(folder: Path, network: I3Network, adapter: Adapter) -> dict[str, tuple[Tensor, Tensor]]:
    """Name of each layer of `network` -> its (lora_A, lora_B). Raises CheckpointError if the file does not fit."""
    path = folder / WEIGHT_FILE
    if not path.is_file():
        raise CheckpointError(f"The adapter {folder} has no weights ({WEIGHT_FILE}).", AGAIN)
    try:
        tensors = load_file(path)
    except Exception as error:  # whatever damaged bytes cause
        raise CheckpointError(f"{path} is damaged or cut short.", AGAIN) from error
    matrices = {}
    for name, layer in target_layers(network).items():
        pair = []
        for part, shape in (("A", (adapter.rank, layer.in_features)), ("B", (layer.out_features, adapter.rank))):
            tensor = tensors.pop(f"{PREFIX}{name}.lora_{part}.weight", None)
            if tensor is None or tuple(tensor.shape) != shape:
                found = "is missing" if tensor is None else f"has the shape {tuple(tensor.shape)}"
                raise CheckpointError(f"{path}: lora_{part} of {name} {found}; {shape} is right.", AGAIN)
            if not tensor.is_floating_point() or not torch.isfinite(tensor).all():
                raise CheckpointError(f"{path}: lora_{part} of {name} holds values that are not finite numbers.", AGAIN)
            pair.append(tensor.float())
        matrices[name] = tuple(pair)
    if tensors:
        raise CheckpointError(
            f"{path} holds parts that its base does not have: {', '.join(sorted(tensors)[:3])}.", AGAIN
        )
    return matrices


def check_fingerprint(folder: Path, network: I3Network, adapter: Adapter) -> None:
    """Raises CheckpointError if `network` is not what the adapter was trained over: both would talk nonsense."""
    if weights_sha256(network) != adapter.base_sha256:
        raise CheckpointError(
            f"The model {adapter.base} is not, or no longer, the one that the adapter {folder} was trained over.",
            f"Merge it with the right one: `i3core convert {folder} NEW_FOLDER --base FOLDER_OF_THE_BASE`.",
        )
