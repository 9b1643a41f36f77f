"""The chat template of a model folder, without loading its weights. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from ..errors import CheckpointError
from ..text.chat_template import ChatTemplate
from ..text.tokenizer import ChunkTokenizer
from . import registry
from .model_info import inspect
from .weights import read_details, tokenizer_path


def model_template(model: str | Path | None) -> tuple[ChatTemplate, int]:
    """Read template, tokenizer and window of a model, given as in `registry.find`.

    Raises CheckpointError or TokenizerError as loading it would.
    """
    facts = inspect(registry.find(model))
    folder = facts.base or facts.weights_folder
    tokenizer = ChunkTokenizer.from_file(tokenizer_path(folder))
    if tokenizer.vocab_size != facts.vocab_size:
        raise CheckpointError(
            f"The vocabulary of {folder} has {tokenizer.vocab_size} chunks, its weights {facts.vocab_size}.",
            "They belong to different models. Copy or download the model again.",
        )
    return ChatTemplate.for_model(tokenizer, read_details(folder).get("chat_template")), facts.window
