"""Texts without the differences that do not matter when they are compared."""

from __future__ import annotations

import re

_NOT_COMPARED = re.compile(r"[\W_]+")  # spaces and punctuation
_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}


def normalized(text: str) -> str:
    """Reduce a text to lower-case letters and digits, with single spaces.

    Texts that do not differ in these are nearly equal.
    """
    if text.isascii():  # several times faster than the pattern
        return " ".join(text.translate(_ASCII).split())
    return _NOT_COMPARED.sub(" ", text.lower()).strip()
