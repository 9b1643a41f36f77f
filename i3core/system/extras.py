"""Optional packages, and how to get a missing one: by pip, but not in a packaged program."""

from __future__ import annotations

import sys


def is_packaged() -> bool:
    """Whether this is the packaged program, into which nothing can be installed."""
    return bool(getattr(sys, "frozen", False))


def install_hint(extra: str, instead: str) -> str:
    """Remedy for a missing extra; `instead` is what to do in a packaged program."""
    if is_packaged():
        return f"The packaged i3desk does not include it. {instead}"
    return f'Install it: pip install "i3desk[{extra}]".'
