"""Output of commands: JSON lines and progress bars."""

from __future__ import annotations

import json
import sys
from typing import Any


def print_json(content: Any) -> None:
    """Print one JSON line at once, also into a pipe."""
    print(json.dumps(content, ensure_ascii=False), flush=True)


def progress_bar(total: int | None, unit: str, description: str, scale: bool = False) -> Any:
    """A tqdm bar on standard error; silent unless that is a terminal."""
    from tqdm import tqdm

    return tqdm(
        total=total, unit=unit, desc=description, unit_scale=scale, leave=False, disable=not sys.stderr.isatty()
    )
