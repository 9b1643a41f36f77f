"""i3core: the i3 language model (RWKV-Mamba blocks and attention) as a library and command line.

    import i3core
    model = i3core.load()                                       # the bundled model
    for piece in i3core.generate(model, "hello"):
        print(piece.text, end="")

Importing this package does not import torch; the first use of a name that needs it does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .errors import I3Error
from .generation.config import SamplingConfig
from .training.config import TrainingConfig
from .version import __version__ as __version__

if TYPE_CHECKING:
    from .checkpoints.checkpoint import Model, load, save
    from .generation.generator import Generator, generate
    from .generation.outputs import Piece
    from .training.train import train

__all__ = [
    "Generator", "I3Error", "Model", "Piece", "SamplingConfig", "TrainingConfig", "generate", "load", "save", "train",
]  # fmt: skip

_HOMES = {
    "Model": "checkpoints.checkpoint", "load": "checkpoints.checkpoint", "save": "checkpoints.checkpoint",
    "Generator": "generation.generator", "Piece": "generation.outputs", "generate": "generation.generator",
    "train": "training.train",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
