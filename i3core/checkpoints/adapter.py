"""Read and write adapter folders: LoRA matrices, and the model that they add to.

    adapter_config.json        rank, alpha, path of the base model and fingerprint of its weights
    adapter_model.safetensors  lora_A and lora_B of each layer

File names, keys and tensor names are those of PEFT. Vocabulary, sizes and template are those of the base.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import CheckpointError
from ..model.lora import lora_layers, target_layers
from ..model.network import I3Network
from ..system import assets
from ..system.files import replaced, write_json
from .adapter_config import AGAIN, CONFIG_FILE, WEIGHT_FILE, Adapter

PREFIX = "base_model.model."


def weights_sha256(network: I3Network) -> str:
    """Fingerprint of a network's weights as float32, without LoRA matrices; independent of the layout of the files."""
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
    """Write the LoRA matrices of `network` as an adapter folder; the config is written last and completes it."""
    layers, base = lora_layers(network), base.resolve()
    tensors = {}
    for layer_name, layer in layers.items():
        for part, matrix in (("lora_A", layer.lora_A), ("lora_B", layer.lora_B)):
            tensors[f"{PREFIX}{layer_name}.{part}.weight"] = matrix.detach().to("cpu", dtype, copy=True).contiguous()
    if any(not torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise CheckpointError(
            "Some weights of the adapter are not finite numbers.", "Train it with a lower learning rate."
        )
    bundled = (known for known, path in assets.models().items() if path.resolve() == base)
    any_layer = next(iter(layers.values()))
    content = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": len(any_layer.lora_A),
        "lora_alpha": any_layer.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(dict.fromkeys(layer.split(".", 2)[2] for layer in layers)),
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


def read_matrices(folder: Path, network: I3Network, adapter: Adapter) -> dict[str, tuple[Tensor, Tensor]]:
    """Map each layer's name to its (lora_A, lora_B). Raises CheckpointError if the file does not fit `network`."""
    path = folder / WEIGHT_FILE
    if not path.is_file():
        raise CheckpointError(f"The adapter {folder} has no weights ({WEIGHT_FILE}).", AGAIN)
    try:
        tensors = load_file(path)
    except Exception as error:  # whatever damaged bytes cause
        raise CheckpointError(f"{path} is damaged or cut short.", AGAIN) from error
    matrices: dict[str, tuple[Tensor, Tensor]] = {}
    for name, layer in target_layers(network).items():
        pair: list[Tensor] = []
        for part, shape in (("A", (adapter.rank, layer.in_features)), ("B", (layer.out_features, adapter.rank))):
            tensor = tensors.pop(f"{PREFIX}{name}.lora_{part}.weight", None)
            if tensor is None or tuple(tensor.shape) != shape:
                found = "is missing" if tensor is None else f"has the shape {tuple(tensor.shape)}"
                raise CheckpointError(f"{path}: lora_{part} of {name} {found}; {shape} is right.", AGAIN)
            if not tensor.is_floating_point() or not torch.isfinite(tensor).all():
                raise CheckpointError(f"{path}: lora_{part} of {name} holds values that are not finite numbers.", AGAIN)
            pair.append(tensor.float())
        matrices[name] = pair[0], pair[1]
    if tensors:
        raise CheckpointError(
            f"{path} has tensors that its base does not have: {', '.join(sorted(tensors)[:3])}.", AGAIN
        )
    return matrices


def check_fingerprint(folder: Path, network: I3Network, adapter: Adapter) -> None:
    """Raise CheckpointError unless `network` is the one that the adapter was trained over."""
    if weights_sha256(network) != adapter.base_sha256:
        raise CheckpointError(
            f"The model {adapter.base} is not, or no longer, the one that the adapter {folder} was trained over.",
            f"Merge it with the right one: `i3core convert {folder} NEW_FOLDER --base FOLDER_OF_THE_BASE`.",
        )
