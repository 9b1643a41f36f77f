"""Texts without the differences that do not matter when they are compared."""

from __future__ import annotations

import re

_NOT_COMPARED = re.compile(r"[\W_]+")  # spaces and punctuation
_ASCII = bytes(ord(chr(code).lower()) if chr(code).isalnum() and code < 128 else 32 for code in range(256))


def normalized(text: str) -> str:
    """Reduce a text to lower-case letters and digits, with single spaces.

    Texts that do not differ in these are nearly equal.
    """
    return normalized_bytes(text).decode("utf-8", "surrogatepass")


def normalized_bytes(text: str) -> bytes:
    """`normalized` as UTF-8."""
    if text.isascii():  # several times faster than the pattern
        return b" ".join(text.encode().translate(_ASCII).split())
    return _NOT_COMPARED.sub(" ", text.lower()).strip().encode("utf-8", "surrogatepass")
