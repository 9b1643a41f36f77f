"""Settings and chunks as JSON, for the store and for export.

Reading is tolerant: an unknown or invalid value becomes the default, so that conversations of an older or newer i3desk
can be opened.
"""

from __future__ import annotations

import json
import logging
import zlib
from functools import lru_cache
from typing import Any

from i3core.generation.config import SamplingConfig
from i3core.generation.outputs import Alternative, Chunk
from i3desk.conversations.conversation import ChatSettings

log = logging.getLogger(__name__)
MODES = ("chat", "raw")


def settings_to_dict(settings: ChatSettings) -> dict[str, Any]:
    """Convert the settings of a conversation to JSON."""
    return {"sampling": settings.sampling.to_json(), "mode": settings.mode, "persona": settings.persona}


def settings_from(values: object) -> ChatSettings:
    """Read settings; each invalid one becomes its default."""
    if not isinstance(values, dict):
        return ChatSettings()
    mode, persona = values.get("mode"), values.get("persona")
    return ChatSettings(
        sampling=SamplingConfig.from_json(values.get("sampling")),
        mode=mode if mode in MODES else "chat",
        persona=encodable(persona) if isinstance(persona, str) else "",
    )


def encode_sampling(sampling: SamplingConfig | None) -> str | None:
    """Encode sampling settings as one line; None stays None."""
    return None if sampling is None else _encoded_sampling(sampling)


@lru_cache(64)  # replies of a conversation usually have the same
def _encoded_sampling(sampling: SamplingConfig) -> str:
    return json.dumps(sampling.to_json(), separators=(",", ":"))


@lru_cache(64)
def decode_sampling(text: str | None) -> SamplingConfig | None:
    """Read the output of `encode_sampling`; None stays None."""
    return None if text is None else SamplingConfig.from_json(_parsed(text))


def encode_settings(settings: ChatSettings) -> str:
    """Encode settings as one line of JSON."""
    return json.dumps(settings_to_dict(settings), separators=(",", ":"))


def decode_settings(text: str) -> ChatSettings:
    """Read the output of `encode_settings`."""
    return settings_from(_parsed(text))


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def chunk_to_list(chunk: Chunk) -> list:
    """[token id, text, probability, [[token id, text, probability], ...]]."""
    others = [[other.token_id, other.text, other.probability] for other in chunk.alternatives]
    return [chunk.token_id, chunk.text, chunk.probability, others]


def chunk_from_list(values: list) -> Chunk:
    """Read the output of `chunk_to_list`. Raises ValueError for anything else."""
    try:
        token_id, text, probability, others = values
        return Chunk(*_token(token_id, text, probability), tuple(Alternative(*_token(*other)) for other in others))
    except TypeError as error:
        raise ValueError("not a chunk") from error


def _token(token_id: object, text: object, probability: object) -> tuple[int, str, float]:
    if isinstance(token_id, bool) or not isinstance(token_id, int) or not isinstance(text, str):
        raise ValueError("not a token")
    if isinstance(probability, bool) or not isinstance(probability, int | float) or not abs(probability) < 1e15:
        raise ValueError("not a probability")
    return token_id, text, float(probability)


def pack_chunks(chunks: list[Chunk]) -> bytes:
    """Compress chunks for the store, with probabilities of six digits: more is noise that does not compress."""
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
    """Read the output of `pack_chunks`. Raises ValueError if it is damaged."""
    try:
        return [chunk_from_list(values) for values in json.loads(zlib.decompress(data))]
    except (zlib.error, TypeError, RecursionError) as error:
        raise ValueError(f"The chunks are damaged: {error}") from error


def encodable(text: str) -> str:
    """Make text encodable in UTF-8: lone surrogates, from a cut paste or foreign JSON, become "?"."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text
