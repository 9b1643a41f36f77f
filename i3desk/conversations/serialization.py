"""Sampling, settings and chunks as JSON values, for the store and for export. Reading is tolerant: what is unknown or
impossible becomes the default, one value at a time, so that an older or newer i3desk's conversations still open."""

from __future__ import annotations

import json
import logging
import math
import zlib
from functools import lru_cache
from typing import Any

from i3core.generation.config import SamplingConfig
from i3core.generation.outputs import Alternative, Chunk
from i3desk.conversations.conversation import ChatSettings

log = logging.getLogger(__name__)
MODES = ("chat", "raw")


def settings_to_dict(settings: ChatSettings) -> dict[str, Any]:
    """All settings of a conversation."""
    return {"sampling": settings.sampling.to_json(), "mode": settings.mode, "persona": settings.persona}


def settings_from(values: object) -> ChatSettings:
    """Takes over each setting that is possible by itself."""
    if not isinstance(values, dict):
        return ChatSettings()
    mode, persona = values.get("mode"), values.get("persona")
    return ChatSettings(
        sampling=SamplingConfig.from_json(values.get("sampling")),
        mode=mode if mode in MODES else "chat",
        persona=encodable(persona) if isinstance(persona, str) else "",
    )


def encode_sampling(sampling: SamplingConfig | None) -> str | None:
    """As one line of text."""
    return None if sampling is None else _encoded_sampling(sampling)


@lru_cache(64)  # a conversation's replies mostly share one
def _encoded_sampling(sampling: SamplingConfig) -> str:
    return json.dumps(sampling.to_json(), separators=(",", ":"))


@lru_cache(64)
def decode_sampling(text: str | None) -> SamplingConfig | None:
    """What `encode_sampling` wrote; None stays None."""
    return None if text is None else SamplingConfig.from_json(_parsed(text))


def encode_settings(settings: ChatSettings) -> str:
    """As one line of text."""
    return json.dumps(settings_to_dict(settings), separators=(",", ":"))


def decode_settings(text: object) -> ChatSettings:
    """What `encode_settings` wrote."""
    return settings_from(_parsed(text))


def _parsed(text: object) -> object:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def chunk_to_list(chunk: Chunk) -> list:
    """[token id, text, probability, [[token id, text, probability], ...]]."""
    others = [[other.token_id, other.text, other.probability] for other in chunk.alternatives]
    return [chunk.token_id, chunk.text, chunk.probability, others]


def chunk_from_list(values: object) -> Chunk:
    """What `chunk_to_list` gave. Raises ValueError if it is anything else."""
    try:
        token_id, text, probability, others = values
        return Chunk(*_token(token_id, text, probability), tuple(Alternative(*_token(*other)) for other in others))
    except TypeError as error:
        raise ValueError("not a chunk") from error


def _token(token_id: object, text: object, probability: object) -> tuple[int, str, float]:
    is_number = type(probability) in (int, float) and math.isfinite(probability)
    if type(token_id) is not int or not isinstance(text, str) or not is_number:
        raise ValueError("not a token")
    return token_id, text, float(probability)


def pack_chunks(chunks: list[Chunk]) -> bytes:
    """Compressed for the store, probabilities to six digits: more is noise that does not compress."""
    rows = [
        [
            chunk.token_id,
            chunk.text,
            _six_digits(chunk.probability),
            [[other.token_id, other.text, _six_digits(other.probability)] for other in chunk.alternatives],
        ]
        for chunk in chunks
    ]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode("ascii"), 3)


def _six_digits(number: float) -> float:
    return float(f"{number:.6g}")


def unpack_chunks(data: bytes) -> list[Chunk]:
    """What `pack_chunks` gave. Raises ValueError if it is damaged."""
    try:
        return [
            Chunk(token_id, text, probability, tuple(Alternative(*other) for other in others))
            for token_id, text, probability, others in json.loads(zlib.decompress(data))
        ]
    except (zlib.error, TypeError) as error:
        raise ValueError(f"The chunks are damaged: {error}") from error


def encodable(text: str) -> str:
    """The text as UTF-8 can hold it: half a surrogate pair, from a cut paste or foreign JSON, becomes "?"."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text
