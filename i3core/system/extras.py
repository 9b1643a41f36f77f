"""Optional packages, and what to do where one is missing: pip can install it, but not into a packaged program."""

from __future__ import annotations

import sys


def is_packaged() -> bool:
    """Whether this is the packaged program, which nothing can be installed into."""
    return bool(getattr(sys, "frozen", False))


def install_hint(extra: str, instead: str) -> str:
    """The remedy for a missing extra of ours; `instead` is what to do in a packaged program."""
    if is_packaged():
        return f"The packaged i3desk does not bring it. {instead}"
    return f'Install it: pip install "i3desk[{extra}]".'
