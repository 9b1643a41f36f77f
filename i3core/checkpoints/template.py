"""The chat template of a model folder, without loading its weights. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from ..errors import CheckpointError
from ..text.chat_template import ChatTemplate
from ..text.tokenizers import Tokenizer, read_tokenizer
from . import registry
from .model_info import inspect
from .state_dict import AGAIN
from .weights import read_details, tokenizer_path


def model_template(model: str | Path | None) -> tuple[ChatTemplate, int]:
    """Read template, tokenizer and window of a model, given as in `registry.find`.

    Raises CheckpointError or TokenizerError as loading it would.
    """
    facts = inspect(registry.find(model))
    folder = facts.base or facts.weights_folder
    tokenizer = read_tokenizer(tokenizer_path(folder))
    check_vocabulary(folder, tokenizer, facts.vocab_size)
    return ChatTemplate.for_model(tokenizer, read_details(folder).get("chat_template")), facts.window


def check_vocabulary(folder: Path, tokenizer: Tokenizer, vocab_size: int) -> None:
    """Raise CheckpointError unless the vocabulary has as many tokens as the weights."""
    if tokenizer.vocab_size != vocab_size:
        raise CheckpointError(
            f"The vocabulary of {folder} has {tokenizer.vocab_size} {tokenizer.unit}s, its weights {vocab_size}.",
            f"They belong to different models. {AGAIN}",
        )
