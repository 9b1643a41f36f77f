"""The tokenizer of an i3 model as one of the transformers library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizer
from transformers.tokenization_utils_base import BatchEncoding

from ..checkpoints.weights import TOKENIZER_FILES
from ..text.chat_template import ChatTemplate
from ..text.tokenizer import UNK
from ..text.tokenizers import read_tokenizer
from .defaults import jinja_template, token_names


class I3Tokenizer(PreTrainedTokenizer):
    """Text to ids, of two- to three-character chunks or of byte-level BPE, and conversations to ids.

    A plain text starts with the token that ends replies, if the model has one: so did the documents it was trained on.
    `apply_chat_template` gives the ids that i3core gives, each turn encoded on its own. It reads special tokens in a
    user's text as plain text; `tokenizer("...")` reads them as special tokens, as usual.
    """

    vocab_files_names = {
        **dict(zip(("vocab_file", "public_vocab_file", "plain_vocab_file"), TOKENIZER_FILES, strict=True)),
        "config_file": "config.json",
    }
    model_input_names = ["input_ids", "attention_mask"]
    padding_side = "left"

    def __init__(
        self,
        vocab_file: str | None = None,
        public_vocab_file: str | None = None,
        plain_vocab_file: str | None = None,
        config_file: str | None = None,
        i3_template: dict | None = None,
        **options: Any,
    ) -> None:
        path = vocab_file or public_vocab_file or plain_vocab_file
        if path is None:
            raise ValueError(f"An i3 tokenizer needs one of {', '.join(TOKENIZER_FILES)}.")
        self.core = read_tokenizer(path)
        if config_file is not None:
            config = json.loads(Path(config_file).read_text(encoding="utf-8"))
            declared = config.get("chat_template")
            i3_template = declared if i3_template is None and isinstance(declared, dict) else i3_template
            if isinstance(window := config.get("max_seq_len"), int):
                options.setdefault("model_max_length", window)
        self.template = ChatTemplate.for_model(self.core, i3_template)
        self._names = token_names(self.core)
        self._ids = {name: i for i, name in enumerate(self._names)}
        end = self.template.end_id
        marks = [self._names[i] for role, i in self.core.special_tokens.items() if i != end]
        options["unk_token"] = UNK
        options.setdefault("pad_token", UNK if end is None else self._names[end])
        if end is not None:
            options.setdefault("bos_token", self._names[end])
            options.setdefault("eos_token", self._names[end])
        options.setdefault("extra_special_tokens", marks)
        options.setdefault("clean_up_tokenization_spaces", False)
        self._own_template = jinja_template(self.template)
        options.setdefault("chat_template", self._own_template)
        super().__init__(i3_template=self.template.to_json(), **options)

    @classmethod
    def _from_pretrained(cls, resolved_vocab_files: dict, *arguments: Any, **options: Any) -> Any:
        """Load without mistaking our tokenizer.json for one of the tokenizers library, which has the same name."""
        return super()._from_pretrained({**resolved_vocab_files, "tokenizer_file": None}, *arguments, **options)

    @property
    def vocab_size(self) -> int:
        return self.core.vocab_size

    def get_vocab(self) -> dict[str, int]:
        return {**self._ids, **self.added_tokens_encoder}

    def _tokenize(self, text: str, **options: Any) -> list[str]:
        return [self._names[i] for i in self.core.encode(text)]

    def _convert_token_to_id(self, token: str) -> int:
        return self._ids.get(token, 0)

    def _convert_id_to_token(self, index: int) -> str:
        return self._names[index] if 0 <= index < len(self._names) else UNK

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return self.core.decode(self._ids.get(token, 0) for token in tokens)

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        start = [self.bos_token_id] if isinstance(self.bos_token_id, int) else []
        return [*start, *token_ids_0, *(token_ids_1 or [])]

    def get_special_tokens_mask(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        if already_has_special_tokens:
            return [int(i in self.all_special_ids) for i in token_ids_0]
        start = [] if self.bos_token_id is None else [1]
        return [*start, *[0] * len(token_ids_0), *[0] * len(token_ids_1 or [])]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        return [0] * len(self.build_inputs_with_special_tokens(token_ids_0, token_ids_1))

    def apply_chat_template(  # pyright: ignore[reportIncompatibleMethodOverride] (its order differs between versions)
        self,
        conversation: Any,
        tools: Any = None,
        documents: Any = None,
        chat_template: Any = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool = False,
        tokenize: bool = True,
        padding: Any = False,
        truncation: bool = False,
        max_length: int | None = None,
        return_tensors: Any = None,
        return_dict: bool = True,
        return_assistant_tokens_mask: bool = False,
        **others: Any,
    ) -> Any:
        """Encode a conversation, or several, as ids; with `tokenize=False` as text with special tokens by name.

        If a chat template has replaced the model's own, the library applies it.

        Raises PromptError for messages that the model has no template for.
        """
        shown = {
            "add_generation_prompt": add_generation_prompt, "continue_final_message": continue_final_message,
            "chat_template": chat_template, "tools": tools, "documents": documents,
        }  # fmt: skip
        is_other = chat_template is not None or str(self.chat_template).strip() != self._own_template.strip()
        if not tokenize or is_other or tools or documents or continue_final_message:
            return super().apply_chat_template(
                conversation, tokenize=tokenize, padding=padding, truncation=truncation, max_length=max_length,
                return_tensors=return_tensors, return_dict=return_dict,
                return_assistant_tokens_mask=return_assistant_tokens_mask, **shown, **others,
            )  # fmt: skip
        single = bool(conversation) and isinstance(conversation[0], dict)
        opening = self.template.reply_opening() if add_generation_prompt else []
        kept = slice(-max_length, None) if truncation and max_length else slice(None)
        rows, learned = [], []  # ids, and 1 for each that is part of a reply
        for messages in [conversation] if single else conversation:
            plain = [_plain(message) for message in messages]
            turns = self.template.encode_turns(plain)
            rows.append([*(i for turn in turns for i in turn), *opening][kept])
            learned.append([*self._learned(self.template.as_turns(plain), turns), *(0 for _ in opening)][kept])
        batch = self.pad(
            {"input_ids": rows}, padding=padding or False, max_length=max_length, return_attention_mask=True
        )
        if return_assistant_tokens_mask:
            batch["assistant_masks"] = [
                [next(mine) if shown else 0 for shown in mask]
                for mask, mine in zip(batch["attention_mask"], map(iter, learned), strict=True)
            ]
        content = {key: value[0] if single and return_tensors is None else value for key, value in batch.items()}
        encoded = BatchEncoding(content, tensor_type=return_tensors)
        return encoded if return_dict else encoded["input_ids"]

    def _learned(self, messages: list[dict], turns: list[list[int]]) -> Iterator[int]:
        """1 for each id of the turns that counts in training: replies without the special tokens before them."""
        opening = len(self.template.reply_opening())
        for message, turn in zip(messages, turns, strict=True):
            is_reply = message["role"] == "assistant"
            yield from (int(is_reply and index >= opening) for index in range(len(turn)))

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        path = Path(save_directory) / ((f"{filename_prefix}-" if filename_prefix else "") + TOKENIZER_FILES[0])
        path.write_text(json.dumps(self.core.to_json(), ensure_ascii=False), encoding="utf-8")
        return (str(path),)


def _plain(message: dict) -> dict:
    """A message with its content as one text; it may come as a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return {"role": message.get("role"), "content": content}
