from __future__ import annotations

from pathlib import Path

from ..errors import CheckpointError
from ..system.files import read_json
from ..text.chat_template import ChatTemplate
from ..text.tokenizer import ChunkTokenizer
from . import registry
from .model_info import inspect
from .weights import tokenizer_path


def model_template(model: str | Path | None) -> tuple[ChatTemplate, int]:
    """Template (with its tokenizer) and window of a model given as in `registry.find`.

    Raises CheckpointError or TokenizerError as loading it would.
    """
    facts = inspect(registry.find(model))
    folder = facts.base or facts.weights_folder
    details = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    tokenizer = ChunkTokenizer.from_file(tokenizer_path(folder))
    if tokenizer.vocab_size != facts.vocab_size:
        raise CheckpointError(
            f"The vocabulary of {folder} has {tokenizer.vocab_size} chunks, its weights {facts.vocab_size}.",
            "They belong to different models. Copy or download the model again.",
        )
    return ChatTemplate.for_model(tokenizer, details.get("chat_template")), facts.window
