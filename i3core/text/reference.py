"""The chunk tokenizer's rule, one chunk at a time: a naive reference for tests."""

from __future__ import annotations

from .tokenizer import TRIGRAMS, UNK_ID

COMMON = frozenset(TRIGRAMS.split("|"))


def chunk_at(text: str, position: int) -> str:
    """The chunk at `position` of lower-cased text by the rule."""
    if position + 3 <= len(text):
        three = text[position : position + 3]
        after_space = position > 0 and text[position - 1] == " "
        before_space = position + 3 < len(text) and text[position + 3] == " "
        if three in COMMON or after_space or before_space:
            return three
    return text[position : position + 2]


def sequential_encode(vocabulary: dict[str, int], text: str) -> list[int]:
    """Encode `text` chunk by chunk, with a fallback to the longest known prefix."""
    text = text.lower()
    ids, position = [], 0
    while position < len(text):
        chunk = chunk_at(text, position)
        for length in range(len(chunk), 0, -1):
            if chunk[:length] in vocabulary:
                ids.append(vocabulary[chunk[:length]])
                position += length
                break
        else:
            ids.append(UNK_ID)
            position += 1
    return ids
