"""Read and write adapter folders: LoRA matrices, and the model that they add to.

    adapter_config.json        rank, alpha, path of the base model and fingerprint of its weights
    adapter_model.safetensors  lora_A and lora_B of each layer

File names, keys and tensor names are those of PEFT. Vocabulary, sizes and template are those of the base.
"""

from __future__ import annotations

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
from .adapter_config import AGAIN, CONFIG_FILE, PREFIX, WEIGHT_FILE, Adapter, check_matrices, fingerprint


def weights_sha256(network: I3Network) -> str:
    """Fingerprint of a network's weights as float32, without LoRA matrices; independent of the layout of the files."""
    left_out = "head.weight" if network.config.tie_embeddings else ""
    return fingerprint(
        (name, value.detach().to("cpu", torch.float32).contiguous().numpy())
        for name, value in sorted(network.state_dict().items())
        if ".lora_" not in name and name != left_out
    )


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
    check_matrices(folder, network.config, adapter.rank)
    try:
        tensors = load_file(folder / WEIGHT_FILE)
    except Exception as error:  # whatever damaged bytes cause
        raise CheckpointError(f"{folder / WEIGHT_FILE} is damaged or cut short.", AGAIN) from error

    def matrix(name: str, part: str) -> Tensor:
        return tensors[f"{PREFIX}{name}.{part}.weight"].float()

    return {name: (matrix(name, "lora_A"), matrix(name, "lora_B")) for name in target_layers(network)}
