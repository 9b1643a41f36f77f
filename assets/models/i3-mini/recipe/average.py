"""Writes the mean of the weights of models that were trained from each other.

    python average.py OUT MODEL MODEL ...

OUT is a copy of the first folder but for its weights. The mean of two ends of training is better than either.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def main(out: Path, *models: Path) -> None:
    all_weights = [load_file(model / "model.safetensors") for model in models]
    out.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json"):
        shutil.copy2(models[0] / name, out / name)
    means = {key: torch.stack([weights[key].float() for weights in all_weights]).mean(0) for key in all_weights[0]}
    save_file(means, out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
