"""What a model is, checked as loading it would, without torch where its files allow it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..model.config import ModelConfig
from ..text.chat_template import ChatTemplate
from ..text.tokenizers import read_tokenizer
from . import registry
from .adapter_config import Adapter, check_fingerprint, check_matrices, fingerprint, is_adapter, read_config
from .state_dict import AGAIN, check_shapes, config_from_shapes
from .stored import is_finite, is_readable, stored_tensors, values
from .template import check_vocabulary
from .weights import StoredTensor, read_details, same_bytes, tokenizer_path, weights_paths


@dataclass(frozen=True)
class Summary:
    """A model without its weights; the attributes are those of `checkpoint.Model`."""

    name: str
    config: ModelConfig
    template: ChatTemplate
    details: dict[str, Any]
    warnings: tuple[str, ...]
    adapter: Adapter | None

    @property
    def parameters(self) -> int:
        return self.config.parameters


def summarize(path_or_name: str | Path | None, heads: int | None = None) -> Summary | None:
    """Read and check a model or adapter, given as in `registry.find`; None if only torch can read its weights.

    Args:
        heads: attention heads of a model whose folder does not say.

    Raises CheckpointError or TokenizerError as loading it would.
    """
    folder = base = registry.find(path_or_name)
    adapter = name = None
    if is_adapter(folder):
        check_heads_left_out(folder, heads)
        adapter, name = read_config(folder)
        base = adapter.base
    details = read_details(base)
    stored = stored_tensors(*weights_paths(base))
    if stored is None or not all(map(is_readable, stored.values())):
        return None
    for weight, tensor in stored.items():
        if not is_finite(tensor):
            raise not_finite(tensor.path, weight)
    tokenizer = read_tokenizer(tokenizer_path(base))
    shapes = {weight: tensor.shape for weight, tensor in stored.items()}
    config, warnings = config_from_shapes(
        shapes, with_heads(base, details, heads), lambda: same_bytes(stored["head.weight"], stored["embed.weight"])
    )
    check_vocabulary(base, tokenizer, config.vocab_size)
    check_shapes(shapes, config)
    template = ChatTemplate.for_model(tokenizer, details.get("chat_template"))
    if adapter is not None:
        check_fingerprint(folder, adapter, _fingerprint(stored, config))
        check_matrices(folder, config, adapter.rank)
    if name is None:
        name = model_name(base if adapter is None else folder, {} if adapter else details)
    return Summary(name, config, template, details, warnings, adapter)


def _fingerprint(stored: dict[str, StoredTensor], config: ModelConfig) -> str:
    left_out = "head.weight" if config.tie_embeddings else ""
    return fingerprint((name, values(tensor)) for name, tensor in sorted(stored.items()) if name != left_out)


def model_name(folder: Path, details: dict[str, Any]) -> str:
    """The name in config.json, or that of the folder."""
    name = details.get("name")
    return name if isinstance(name, str) else folder.resolve().name


def not_finite(path: Path, name: str) -> CheckpointError:
    return CheckpointError(f"{path}: {name} holds values that are not finite numbers.", AGAIN)


def check_heads_left_out(folder: Path, heads: int | None) -> None:
    """Raise CheckpointError if heads are given for an adapter."""
    if heads is not None:
        raise CheckpointError(f"{folder} is an adapter; its base says how many heads it has.", "Leave them out.")


def with_heads(folder: Path, details: dict, heads: int | None) -> dict:
    """What config.json declares, with the number of heads that the user gives."""
    declared = details.get("n_heads", details.get("num_attention_heads"))
    if heads is None or heads == declared:
        return details
    if declared is not None:
        raise CheckpointError(
            f"{folder} says in its config.json that the model has {declared} attention heads, not {heads}.",
            "Leave the number out, or correct config.json if it is wrong.",
        )
    return {**details, "n_heads": heads}
