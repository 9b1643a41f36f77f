"""Output of commands: JSON lines and progress bars."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

_MOST_NAMED = 12  # of what is not used


def print_json(content: Any) -> None:
    """Print one JSON line at once, also into a pipe."""
    print(json.dumps(content, ensure_ascii=False), flush=True)


def progress_bar(total: int | None, unit: str, description: str, scale: bool = False) -> Any:
    """A tqdm bar on standard error; silent unless that is a terminal."""
    from tqdm import tqdm

    return tqdm(
        total=total, unit=unit, desc=description, unit_scale=scale, leave=False, disable=not sys.stderr.isatty()
    )


def left_out_text(left_out: Mapping[str, int]) -> str:
    """The parts of the data that are not used: "not used: field `id` (40 times)"."""
    parts = [what if count == 1 else f"{what} ({count:,} times)" for what, count in left_out.items()]
    more = f" and {len(parts) - _MOST_NAMED} more" if len(parts) > _MOST_NAMED else ""
    return f"not used: {', '.join(parts[:_MOST_NAMED])}{more}"


def columns_text(columns: Mapping[str, str]) -> str:
    """What columns were taken for: "columns: user is `Question`"."""
    named = ", ".join(f"{role} is `{name}`" for role, name in columns.items())
    return f"columns: {named} (--columns changes it)"
