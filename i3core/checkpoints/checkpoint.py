"""Load model folders of any public layout safely, and save them atomically.

A folder holds config.json, weights (model.safetensors, pytorch_model.bin or pytorch_model_best.bin) and a vocabulary
(tokenizer.json, chunk_vocab_combined.json or vocab.json). The public exporter writes wrong sizes into config.json, so
sizes come from the tensors; config.json is used only for what tensors cannot tell. An adapter folder (adapter.py)
loads as its base model with the adapter merged into the weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..errors import CheckpointError, TrainingError
from ..model.config import ModelConfig
from ..model.lora import insert_lora, lora_layers, merge_lora
from ..model.network import I3Network
from ..model.quantization import inference_only, quantize
from ..system.device import WEIGHT_BITS, DeviceChoice, choose_device, precision_warnings, release_freed_memory
from ..system.files import read_json, replaced, write_json
from ..text.chat_template import ChatTemplate
from ..text.tokenizers import Tokenizer, read_tokenizer
from . import adapter_config, checksums, registry
from .adapter import read_matrices, weights_sha256, write_adapter
from .adapter_config import Adapter, check_fingerprint, is_adapter, read_config
from .state_dict import check_shapes, config_from_shapes
from .summary import check_heads_left_out, model_name, not_finite, with_heads
from .template import check_vocabulary
from .weights import INDEX_FILES, WEIGHT_FILES, has_weights, read_details, read_tensors, tokenizer_path, weights_paths


@dataclass
class Model:
    """A network with its tokenizer, template and device.

    Attributes:
        network: the weights on their device.
        tokenizer, config, template: as the folder has them.
        device: where it runs and why.
        name: the folder's name.
        folder: the folder it was loaded from; None for a model made in memory.
        details: the rest of config.json (licence, sources, training figures).
        warnings: what config.json says that the tensors contradict.
        adapter: of a model loaded from an adapter folder; None for a complete model.
    """

    network: I3Network
    tokenizer: Tokenizer
    config: ModelConfig
    template: ChatTemplate
    device: DeviceChoice
    name: str
    folder: Path | None
    details: dict
    warnings: tuple[str, ...] = ()
    adapter: Adapter | None = None

    @property
    def parameters(self) -> int:
        return self.config.parameters


def find_model(path_or_name: str | Path | None) -> Path:
    """Find the folder of a model by path or name; see `registry.find`."""
    return registry.find(path_or_name)


def load(
    path_or_name: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    base: str | Path | None = None,
    heads: int | None = None,
) -> Model:
    """Load a model folder, or the bundled model for None; an adapter is merged into its base's weights.

    Args:
        heads: attention heads of a model whose folder does not say; the weights cannot tell.
        precision: of matrix products; "int8" and "int4" make a model for inference only, on a CPU.
        base: folder of an adapter's base model, if it has moved.

    Raises:
        CheckpointError: no such folder, a missing or damaged file, shapes that contradict each other, an adapter
            whose base is missing or another.
        DeviceError: the device does not exist, or does not support the precision.
    """
    if precision in WEIGHT_BITS:
        choice = choose_device(device, precision)
        model = load(path_or_name, "cpu", "float32", base, heads)
        quantize(model.network, WEIGHT_BITS[precision])
        release_freed_memory()  # of the float32 weights
        return dataclasses.replace(model, device=choice)
    folder = find_model(path_or_name)
    if is_adapter(folder):
        check_heads_left_out(folder, heads)
        model = load_adapter(folder, device, precision, base)
        merge_lora(model.network).eval()
        return model
    if base is not None:
        raise CheckpointError(f"{folder} is a complete model, not an adapter of another.", "Leave the base out.")
    return _load_complete(folder, device, precision, heads)


def load_adapter(
    folder: str | Path, device: str = "auto", precision: str = "auto", base: str | Path | None = None
) -> Model:
    """Load an adapter over its base, unmerged, to continue training. Raises as `load`."""
    if precision in WEIGHT_BITS:
        raise inference_only()
    folder = find_model(folder)
    adapter, name = read_config(folder, None if base is None else find_model(base))
    model = _load_complete(adapter.base, device, precision)
    check_fingerprint(folder, adapter, weights_sha256(model.network))
    insert_lora(model.network, read_matrices(folder, model.network, adapter), adapter.alpha)
    details = {key: value for key, value in model.details.items() if key not in ("name", "step")}
    step = read_json(folder / adapter_config.CONFIG_FILE).get("step")
    details |= {} if step is None else {"step": step}
    if name is not None:
        details["name"] = name
    model.network.eval()
    return dataclasses.replace(
        model, name=name or folder.resolve().name, folder=folder, details=details, adapter=adapter
    )


def check_adapter_base(model: Model) -> tuple[Path, str]:
    """Folder and fingerprint of the base for LoRA matrices in `model`.

    Raises TrainingError if there is none: the model has no folder, or an adapter is merged into its weights.
    """
    base = model.folder if model.adapter is None else model.adapter.base
    if base is None:
        raise TrainingError(
            "LoRA adds to a model that is in a folder; this one is made from scratch.", "Train all its weights."
        )
    fingerprint = weights_sha256(model.network)
    if model.adapter is not None and fingerprint != model.adapter.base_sha256:
        raise TrainingError(
            f"{model.folder} is an adapter itself, and LoRA needs a complete model as its base.",
            f"Merge it first with `i3core convert {model.folder} NEW_FOLDER` and train LoRA on NEW_FOLDER.",
        )
    return base, fingerprint


def _load_complete(folder: Path, device: str, precision: str, heads: int | None = None) -> Model:
    choice = choose_device(device, precision)
    details = read_details(folder)
    weights = _read_weights(folder)
    tokenizer = read_tokenizer(tokenizer_path(folder))
    config, warnings = config_from_weights(weights, with_heads(folder, details, heads))
    check_vocabulary(folder, tokenizer, config.vocab_size)
    network = network_from_weights(config, weights)
    if choice.is_cuda:
        network = network.to(choice.name)
    network.eval()
    template = ChatTemplate.for_model(tokenizer, details.get("chat_template"))
    name = model_name(folder, details)
    warnings = (*warnings, *precision_warnings(choice, config.d_model))
    return Model(network, tokenizer, config, template, choice, name, folder, details, warnings)


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """Map names to float32 tensors. Never runs code in a file."""
    paths = weights_paths(folder)
    weights = {name: value.float() for name, value in read_tensors(*paths).items()}
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise not_finite(paths[0], name)
    return weights


def config_from_weights(weights: dict[str, Tensor], declared: dict) -> tuple[ModelConfig, tuple[str, ...]]:
    """Sizes as the tensors have them, and warnings; see `state_dict.config_from_shapes`."""
    shapes = {name: tuple(value.shape) for name, value in weights.items()}
    return config_from_shapes(shapes, declared, lambda: torch.equal(weights["head.weight"], weights["embed.weight"]))


def network_from_weights(config: ModelConfig, weights: dict[str, Tensor]) -> I3Network:
    """Make a network that owns exactly these tensors. Raises CheckpointError naming the first that does not fit."""
    check_shapes({name: tuple(value.shape) for name, value in weights.items()}, config)
    if config.tie_embeddings:
        weights = {**weights, "head.weight": weights["embed.weight"]}
    with torch.device("meta"):
        network = I3Network(config)
    network.load_state_dict(weights, assign=True)
    if config.tie_embeddings:
        network.head.weight = network.embed.weight
    return network.requires_grad_(True)


def config_to_json(config: ModelConfig, template: ChatTemplate, dtype: str, details: dict | None = None) -> dict:
    """Content of config.json: the public layout plus template, tied embeddings, FFN width and other kinds of blocks."""
    return {
        **(details or {}),
        "architectures": ["i3Model"],
        "model_type": "i3",
        "vocab_size": config.vocab_size,
        "d_model": config.d_model,
        "n_layers": config.n_layers,
        "n_heads": config.n_heads,
        "max_seq_len": config.window,
        "conv_layers": config.hybrid_layers,
        "attn_layers": config.attention_layers,
        **({"blocks": config.blocks} if config.blocks else {}),
        "d_state": config.d_state,
        "ffn_width": config.ffn_width,
        "tie_embeddings": config.tie_embeddings,
        "tokenizer_type": template.tokenizer.kind,
        "torch_dtype": dtype,
        "chat_template": template.to_json(),
    }


def save(
    model: Model,
    folder: str | Path,
    layout: str = "safetensors",
    dtype: torch.dtype = torch.float32,
    make_folder: bool = True,
) -> None:
    """Write a model folder; for a network with LoRA matrices, an adapter folder.

    Each file is replaced as a whole or not at all; the weights (of an adapter its config) come last.

    Args:
        make_folder: whether to create the folder; otherwise one that is removed meanwhile stays removed.
        layout: "safetensors", or "public" for the pytorch_model.bin of the public code (always with head.weight).
    """
    folder = Path(folder)
    (folder / checksums.FILE).unlink(missing_ok=True)  # of what was there before
    if lora_layers(model.network):
        _save_adapter(model, folder, dtype)
        return
    # Copies: a weight that changes while it is written would damage the file.
    weights = {name: value.detach().to("cpu", dtype, copy=True) for name, value in model.network.state_dict().items()}
    if model.config.tie_embeddings and layout == "safetensors":
        del weights["head.weight"]
    if any(not torch.isfinite(value).all() for value in weights.values()):
        if dtype is torch.float32:
            raise CheckpointError("Some weights are not finite numbers.", "Train with a lower learning rate.")
        raise CheckpointError(f"Some weights do not fit {str(dtype).removeprefix('torch.')}.", "Save as float32.")
    dtype_name = str(dtype).removeprefix("torch.")
    write_json(folder / "tokenizer.json", model.tokenizer.to_json(), indent=None, make_folder=make_folder)
    content = config_to_json(model.config, model.template, dtype_name, model.details)
    write_json(folder / "config.json", content, make_folder=False)
    name = "model.safetensors" if layout == "safetensors" else "pytorch_model.bin"
    with _disk_errors_explained(folder / name), replaced(folder / name, make_folder=False) as temporary:
        if layout == "safetensors":
            save_file(weights, temporary, metadata={"format": "pt"})
        else:
            torch.save(weights, temporary)
    for other in (*WEIGHT_FILES, *INDEX_FILES, adapter_config.CONFIG_FILE, adapter_config.WEIGHT_FILE):
        if other != name:  # else an older file could be read instead of the new one
            (folder / other).unlink(missing_ok=True)


def _save_adapter(model: Model, folder: Path, dtype: torch.dtype) -> None:
    base, fingerprint = check_adapter_base(model)
    if has_weights(folder):
        raise CheckpointError(f"{folder} holds a complete model.", "Name another folder for the adapter.")
    with _disk_errors_explained(folder / adapter_config.WEIGHT_FILE):
        write_adapter(folder, model.network, base, fingerprint, model.details.get("name"), dtype)


@contextmanager
def _disk_errors_explained(path: Path) -> Iterator[None]:
    """Convert errors that safetensors and torch raise on a full disk to CheckpointError."""
    try:
        yield
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} could not be written: {str(error).splitlines()[0]}.", "Free some disk space."
        ) from error
