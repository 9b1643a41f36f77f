"""The folder and the sizes of a model, before the transformers library loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers.utils.hub import cached_file

from ..checkpoints.state_dict import config_from_shapes
from ..checkpoints.weights import TOKENIZER_FILES, WEIGHT_FILES, read_header, read_tensors, weights_paths
from ..errors import CheckpointError
from .configuration_i3 import I3Config

_OF_THE_HUB = ("revision", "token", "cache_dir", "local_files_only", "force_download", "proxies", "subfolder")
_SIZES = (
    "vocab_size", "d_model", "n_heads", "d_state", "conv_layers", "attn_layers", "n_layers", "max_seq_len", "ffn_width",
    "blocks",
)  # fmt: skip


def folder_of(name: str, options: dict[str, Any]) -> Path | None:
    """The folder itself, or the one in the library's cache, with a repository's small files and its weights.

    None if there is neither; the library then reports the error. Files fetched here are not fetched twice.
    """
    if Path(name).is_dir():
        return Path(name, options.get("subfolder") or "")
    asked = {key: options[key] for key in _OF_THE_HUB if options.get(key) is not None}
    folder = None
    for files in (("config.json",), WEIGHT_FILES[:2], ("generation_config.json",), TOKENIZER_FILES):
        for file in files:
            try:
                found = cached_file(name, file, **asked, _raise_exceptions_for_missing_entries=False)
            except (OSError, ValueError):
                return folder
            if found:
                folder = Path(found).parent
                if files == WEIGHT_FILES[:2]:
                    options["force_download"] = False
                break
    return folder


def sizes_corrected(folder: Path, config: I3Config) -> I3Config:
    """`config` with the sizes of the weights in `folder`."""
    try:
        paths = weights_paths(folder)
        tensors = read_header(*paths) if paths[0].suffix == ".safetensors" else read_tensors(*paths, mmap=True)
    except CheckpointError:  # weights that i3core does not read; the library reports what is wrong with them
        return config
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    sizes, _ = config_from_shapes(shapes, config.to_dict(), lambda: config.tie_word_embeddings)
    found = I3Config.from_sizes(sizes)
    for key in _SIZES:
        if getattr(config, key) != getattr(found, key):
            setattr(config, key, getattr(found, key))
    return config
