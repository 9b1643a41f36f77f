"""Writes chats as token ids, of which training learns every turn, while it learns only the replies of other chats.

    python whole.py TOKENIZER OUT CHAT.jsonl:TIMES ...

So the model stays able to tell what people say, at a small share of the tokens.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from i3core.data.documents import Document
from i3core.data.token_dataset import encode_sequences
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizers import read_tokenizer

WINDOW = 512


def main(tokenizer: str, out: str, *sources: str) -> None:
    template = ChatTemplate.for_model(read_tokenizer(Path(tokenizer)), {"kind": "special_tokens"})
    with open(out, "w", encoding="utf-8") as file:
        for source in sources:
            path, _, times = source.rpartition(":")
            with open(path, encoding="utf-8") as lines:
                chats = [Document(messages=tuple(json.loads(line)["messages"])) for line in lines]
            ids = (ids for chat in chats for ids, _ in encode_sequences(chat, template, WINDOW))
            sequences = "".join(json.dumps({"ids": each}) + "\n" for each in ids)
            file.write(sequences * int(times))


if __name__ == "__main__":
    main(*sys.argv[1:])
