"""Byte-level BPE (Sennrich et al. 2016; bytes as in GPT-2) through the `tokenizers` library.

Text keeps its case and all of Unicode. A token may be a part of a character, so text comes out of a `TokenStream` only
when its characters are whole. A vocabulary that was trained without all 256 bytes drops the characters that it cannot
write; those that are built here have them all.
"""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from ..errors import TokenizerError

SPECIALS = ("<UNK>", "<PAD>", "<BOS>", "<EOS>")  # ids 0 to 3 of the public models
_ROLES = {"<PAD>": "padding", "<BOS>": "beginning", "<EOS>": "end"}


class TokenStream:
    """Decodes one token after the other; a character that is not whole yet is held back."""

    def __init__(self, table: list[bytes]) -> None:
        self._table = table
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token_id: int) -> str:
        """Add a token; return the characters that are whole now."""
        return self._decoder.decode(self._table[token_id])

    def rest(self) -> str:
        """What was held back, once nothing follows: "" or a replacement character."""
        return self._decoder.decode(b"", final=True)


class BPETokenizer:
    """Text to ids of byte sequences and back.

    Attributes:
        special_tokens: role -> id of tokens that only the chat template produces, never text.
        document_end: id that follows each document in training; None if the vocabulary has none.
    """

    kind, unit, keeps_case = "bpe", "token", True

    def __init__(self, content: dict) -> None:
        """content: of a tokenizer.json of the `tokenizers` library. Raises TokenizerError for one that is not ours."""
        from tokenizers import Tokenizer

        model = content.get("model")
        if not isinstance(model, dict) or model.get("type") != "BPE" or not _is_byte_level(content):
            raise TokenizerError("The vocabulary is of another kind than byte-level BPE.", "i3 models have no other.")
        try:
            self._library = Tokenizer.from_str(json.dumps(content))
        except Exception as error:  # the library raises plain exceptions
            raise TokenizerError(
                f"The vocabulary is damaged ({error}).", "Copy or download the model again."
            ) from error
        self._library.encode_special_tokens = True  # their names in a text are plain text
        self._library.no_padding()
        self._library.no_truncation()
        self.vocab_size = self._library.get_vocab_size(with_added_tokens=True)
        tokens = [self._library.id_to_token(i) for i in range(self.vocab_size)]
        added = {i: token.content for i, token in self._library.get_added_tokens_decoder().items()}
        if None in tokens or added.get(0) != SPECIALS[0]:
            raise TokenizerError(f"The vocabulary has gaps, or not {SPECIALS[0]} as id 0, as i3 models do.")
        self._content, self.names = content, [str(token) for token in tokens]
        self._table = [
            name.encode() if i in added else bytes(_BYTE_OF.get(character, 0x3F) for character in name)
            for i, name in enumerate(self.names)
        ]
        roles = ((_ROLES.get(name) or _role(name), i) for i, name in added.items())
        self.special_tokens = {role: i for role, i in roles if role}
        self.document_end = self.special_tokens.get("end")

    def encode(self, text: str) -> list[int]:
        """Encode `text`; characters that the vocabulary cannot write are dropped."""
        return self._library.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> str:
        """Decode `ids`, special tokens as their names; a part of a character becomes U+FFFD."""
        return b"".join(self._table[i] if 0 <= i < self.vocab_size else SPECIALS[0].encode() for i in ids).decode(
            errors="replace"
        )

    def stream(self) -> TokenStream:
        """A decoder for tokens that come one by one."""
        return TokenStream(self._table)

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The text of each token; a character of several tokens belongs to its last one."""
        stream = self.stream()
        pieces = [stream.push(i) for i in ids]
        if pieces:
            pieces[-1] += stream.rest()
        return pieces

    def name(self, token_id: int) -> str:
        """A token's own text; of a part of a character its bytes, such as <0xE2>."""
        try:
            return self._table[token_id].decode()
        except UnicodeDecodeError:
            return "".join(f"<0x{byte:02X}>" for byte in self._table[token_id])

    def parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """The text in the parts that are tokens, each with whether the vocabulary can write it."""
        position = 0
        for start, end in self._library.encode(text, add_special_tokens=False).offsets:
            if start > position:
                yield text[position:start], False
            if end > position:
                yield text[max(start, position) : end], True
                position = end
        if position < len(text):
            yield text[position:], False

    def unknown(self, text: str) -> Counter[str]:
        """The characters of `text` that the vocabulary cannot write, in their order, and how often."""
        if not self._absent_bytes:
            return Counter()
        return Counter(c for c in text if not self._absent_bytes.isdisjoint(c.encode(errors="replace")))

    def folding(self, text: str) -> str:
        """`text` as it is: there is nothing to fold."""
        return text

    def normalized(self, text: str) -> str:
        """`text` as it is read: unchanged."""
        return text

    def to_json(self) -> dict:
        """Content of tokenizer.json, as the `tokenizers` library reads it."""
        return self._content

    def copy(self) -> BPETokenizer:
        return BPETokenizer(self._content)

    @cached_property
    def _absent_bytes(self) -> frozenset[int]:
        singles = {name for name in self.names if len(name) == 1}
        return frozenset(byte for character, byte in _BYTE_OF.items() if character not in singles)


def _bytes_of_characters() -> dict[str, int]:
    """The printable character by which GPT-2's vocabularies write each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + n): byte for n, byte in enumerate(others)}


_BYTE_OF = _bytes_of_characters()


def _role(name: str) -> str:
    """The role of a special token that is named like <|user|>."""
    return name[2:-2] if name.startswith("<|") and name.endswith("|>") else ""


def _is_byte_level(content: dict) -> bool:
    def is_it(part: object) -> bool:
        return isinstance(part, dict) and part.get("type") == "ByteLevel"

    before = content.get("pre_tokenizer")
    return is_it(content.get("decoder")) and is_it(before) and not content.get("normalizer")


def train_bpe(
    texts: Iterable[str], size: int, special_roles: Iterable[str] = (), min_count: int = 1
) -> tuple[BPETokenizer, int]:
    """Build a vocabulary of at most `size` tokens from texts; also how many characters they had.

    All 256 bytes are in it, so that there are no unknown characters. `special_roles` other than "end", which is
    `<EOS>`, get tokens of their own.

    Raises TokenizerError if there is no room for the bytes, or no text.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    specials = [*SPECIALS, *(f"<|{role}|>" for role in special_roles if role != "end")]
    least = len(specials) + len(_BYTE_OF)
    if size < least:
        raise TokenizerError(f"A vocabulary of {size} has no room for all bytes.", f"Choose at least {least}.")
    library: Any = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_count,
        special_tokens=specials,
        initial_alphabet=sorted(_BYTE_OF),
        show_progress=False,
    )
    characters = 0

    def counted() -> Iterator[str]:
        nonlocal characters
        for text in texts:
            characters += len(text)
            yield text

    library.train_from_iterator(counted(), trainer)
    if not characters:
        raise TokenizerError("There is no text to build a vocabulary from.")
    return BPETokenizer(json.loads(library.to_str())), characters
