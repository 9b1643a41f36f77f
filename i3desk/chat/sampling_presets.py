"""Sampling presets: three built-in ones and the user's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from i3core.errors import I3Error
from i3core.generation.config import SamplingConfig
from i3desk.language import tr

# The values of a preset; all others (length, seed, stop texts) stay unchanged.
KEYS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
BUILT_IN: dict[str, dict[str, Any]] = {
    "precise": {"temperature": 0.1, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.0},
    "balanced": {key: getattr(SamplingConfig(), key) for key in KEYS},
    "wild": {"temperature": 1.2, "top_k": 0, "top_p": 0.98, "min_p": 0.02, "repetition_penalty": 1.05},
}
LABELS = {
    "precise": (tr("Careful"), tr("Prefers the likeliest words")),
    "balanced": (tr("Balanced"), tr("The defaults")),
    "wild": (tr("Playful"), tr("Picks unlikely words more often")),
}


def values_of(sampling: SamplingConfig) -> dict[str, Any]:
    """The preset values of `sampling`."""
    return {key: getattr(sampling, key) for key in KEYS}


def apply(sampling: SamplingConfig, values: dict[str, Any]) -> SamplingConfig:
    """Apply a preset to `sampling`; invalid values (of a damaged file) are skipped."""
    for key in KEYS:
        if key in values:
            try:
                sampling = replace(sampling, **{key: values[key]})
            except I3Error:
                continue
    return sampling


def matching(sampling: SamplingConfig, presets: dict[str, dict[str, Any]]) -> str | None:
    """Name of the first preset that `sampling` matches."""
    return next((name for name, values in presets.items() if values and apply(sampling, values) == sampling), None)
