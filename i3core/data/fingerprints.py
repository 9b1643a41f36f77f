"""Fingerprints of documents, by which equal and nearly equal ones are recognised."""

from __future__ import annotations

import hashlib

import numpy as np

from ..text.normalization import normalized_bytes
from .documents import Document


def fingerprint(text: str) -> int:
    """64 bits of a normalised text; 0 if it has no letters and digits."""
    content = normalized_bytes(text)
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little") if content else 0


def document_fingerprints(document: Document) -> tuple[int, int]:
    """Fingerprints of a document's question and of its reply.

    The reply is the last turn of a conversation if the assistant has it, the question everything before. A document of
    another kind has no reply (0).
    """
    messages = document.messages
    if messages and messages[-1]["role"] == "assistant" and len(messages) > 1:
        question = "\n".join(message["content"] for message in messages[:-1])
        return fingerprint(question), fingerprint(messages[-1]["content"])
    if document.ids:
        return fingerprint(" ".join(map(str, document.ids))), 0
    return fingerprint("\n".join(document.texts)), 0


def record_keys(questions: np.ndarray, replies: np.ndarray) -> np.ndarray:
    """One number for each pair of fingerprints: nearly equal documents have the same. All (n,) uint64."""
    return questions * np.uint64(0x9E3779B97F4A7C15) ^ replies
