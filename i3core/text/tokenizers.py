"""What a tokenizer is to everything else, and reading one of either kind from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from ..errors import TokenizerError
from .bpe import BPETokenizer
from .tokenizer import ChunkTokenizer, read_vocabulary


class Stream(Protocol):
    """Decodes tokens that come one by one, and never gives half a character."""

    def push(self, token_id: int, /) -> str: ...

    def rest(self) -> str: ...


class Tokenizer(Protocol):
    """Text to ids and back.

    Attributes:
        kind: "chunk" or "bpe".
        unit: what a token is called where people read it.
        keeps_case: whether upper case is not lowered.
        special_tokens: role -> id of tokens that only the chat template produces, never text.
        document_end: id that follows each document in training where no chat template says so; or None.
        names: a name for each id, as the vocabulary writes it.
        folding: folds typography to what the vocabulary has.
    """

    @property
    def kind(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def keeps_case(self) -> bool: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def special_tokens(self) -> dict[str, int]: ...
    @property
    def document_end(self) -> int | None: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def folding(self) -> Callable[[str], str]: ...

    def encode(self, text: str, /) -> list[int]: ...
    def decode(self, ids: Iterable[int], /) -> str: ...
    def stream(self) -> Stream: ...

    def pieces(self, ids: Iterable[int], /) -> list[str]:
        """The text of each token; together they are the decoded text."""
        ...

    def name(self, token_id: int, /) -> str:
        """A token's own text, readable also if it is a part of a character."""
        ...

    def parts(self, text: str, /) -> Iterator[tuple[str, bool]]:
        """The text in the parts that are tokens, each with whether the vocabulary has it."""
        ...

    def unknown(self, text: str, /) -> Counter[str]:
        """The characters of a folded text that the vocabulary cannot write, in their order, and how often."""
        ...

    def normalized(self, text: str, /) -> str:
        """`text` as `decode(encode(text))` gives it back if all of it is known."""
        ...

    def to_json(self) -> dict: ...

    def copy(self) -> Tokenizer:
        """A tokenizer for another thread; caches are not shared."""
        ...


def tokenizer_from_json(content: Any, path: str | Path = "") -> Tokenizer:
    """Read the content of a vocabulary file of either kind; `path` is for the messages of errors.

    Raises TokenizerError if it is damaged.
    """
    if not (isinstance(content, dict) and isinstance(content.get("model"), dict) and "type" in content["model"]):
        return ChunkTokenizer.from_json(content, path)
    try:
        return BPETokenizer(content)
    except TokenizerError as error:
        raise TokenizerError(f"{path}: {error.what}", error.remedy) from error


def vocabulary_unit(path: str | Path) -> str:
    """What a token of a vocabulary file is called, from its first bytes: "chunk", or "token" of byte-level BPE."""
    with open(path, "rb") as file:
        start = file.read(4096)
    return BPETokenizer.unit if b'"added_tokens"' in start else ChunkTokenizer.unit


def read_tokenizer(path: str | Path) -> Tokenizer:
    """Read a vocabulary file of either kind. Raises TokenizerError naming the file if it is missing or damaged."""
    return tokenizer_from_json(read_vocabulary(path), path)
