"""Texts without the differences that do not matter when they are compared."""

from __future__ import annotations

import re

_NOT_COMPARED = re.compile(r"[\W_]+")  # spaces and punctuation


def normalized(text: str) -> str:
    """Reduce a text to lower-case letters and digits, with single spaces.

    Texts that do not differ in these are nearly equal.
    """
    return _NOT_COMPARED.sub(" ", text.lower()).strip()
